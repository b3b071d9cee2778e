// The official OpenAI SDK for Node, unmodified and at its defaults: makes every call and tells what the application saw.
//
// Reads the addresses and cases as JSON from standard input, writes what was seen as JSON to standard output. The
// judging is done by the one judge that all languages share (../python/judge.py).

import OpenAI, { APIError } from "openai";

import { habits } from "./habits.mjs";

const AT_ONCE = 16;
async function ask(client, it) {
  const seen = { exception: null, status: null, code: null, object: null, headers: {}, texts: [], refusal: "" };
  Object.assign(seen, { calls: [], ids: [], finishes: [], usage: null, model: null });
  const options = it.no_client_retries ? { maxRetries: 0 } : {};
  try {
    const { data, response } = await client.chat.completions.create(it.request, options).withResponse();
    seen.status = response.status;
    seen.headers = Object.fromEntries(response.headers);
    if (it.delivery === "stream") {
      for await (const chunk of data) takeChunk(seen, chunk);
    } else {
      takeWhole(seen, data);
    }
  } catch (error) {
    takeError(seen, error);
  }
  return seen;
}

function takeWhole(seen, answer) {
  const { message } = answer.choices[0];
  seen.texts = answer.choices.map((choice) => choice.message.content ?? "");
  seen.refusal = message.refusal ?? "";
  seen.calls = (message.tool_calls ?? []).map((call) => [call.function.name, call.function.arguments]);
  seen.ids = (message.tool_calls ?? []).map((call) => call.id);
  seen.finishes = answer.choices.map((choice) => choice.finish_reason);
  seen.usage = answer.usage ?? null;
  seen.model = answer.model;
  seen.object = answer.switchback ?? null;
}

function takeChunk(seen, chunk) {
  seen.model = chunk.model ?? seen.model;
  seen.usage = chunk.usage ?? seen.usage;
  seen.object = chunk.switchback ?? seen.object;
  for (const choice of chunk.choices) {
    for (; seen.texts.length <= choice.index; seen.finishes.push(null)) seen.texts.push("");
    seen.texts[choice.index] += choice.delta.content ?? "";
    seen.refusal += choice.delta.refusal ?? "";
    for (const call of choice.delta.tool_calls ?? []) {
      if (call.function.name) {
        seen.calls.push([call.function.name, ""]);
        seen.ids.push(call.id);
      }
      seen.calls[call.index][1] += call.function.arguments ?? "";
    }
    seen.finishes[choice.index] = choice.finish_reason ?? seen.finishes[choice.index];
  }
}

function takeError(seen, error) {
  seen.exception = error.constructor.name;
  if (!(error instanceof APIError)) {
    seen.exception += `: ${error.message}`;
    return;
  }
  seen.code = error.code ?? null;
  seen.object = error.error?.switchback ?? null;
  if (error.status !== undefined) {
    seen.status = error.status;
    seen.headers = Object.fromEntries(error.headers);
  }
}

async function all(client, cases) {
  const seen = new Array(cases.length);
  let next = 0;
  const worker = async () => {
    while (next < cases.length) {
      const place = next++;
      seen[place] = await ask(client, cases[place]);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return seen;
}

async function input() {
  let text = "";
  for await (const part of process.stdin) text += part;
  return JSON.parse(text);
}

const told = await input();
const client = new OpenAI({ baseURL: told.base_url, apiKey: told.app_key });
const seen = told.cases.length > 0 ? await all(client, told.cases) : [];
const done = told.habits ? await habits(client, told) : [];
process.stdout.write(JSON.stringify({ seen, habits: done }));
