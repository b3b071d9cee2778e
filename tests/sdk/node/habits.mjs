// What applications do with the SDK besides one plain call: lists, helpers, usage, deadlines.

import assert from "node:assert/strict";

import OpenAI from "openai";

const said = (content) => [{ role: "user", content: `${content} (node)` }];

/** Whether every call of the provider has ended within some seconds. */
async function hasEnded(told) {
  for (let tries = 0; tries < 200; tries++) {
    const state = await (await fetch(`${told.control}/state`)).json();
    if (state.open_calls === 0) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}

const HABITS = {
  "the list of models names the tasks, and each can be asked for": async (client) => {
    const listed = [];
    for await (const model of client.models.list()) listed.push(model.id);
    assert(listed.includes("f-ok-oai-whole-plain"));
    assert.equal((await client.models.retrieve("f-ok-oai-whole-plain")).id, "f-ok-oai-whole-plain");
  },

  "the stream helper ends with the fallback's whole answer": async (client) => {
    const ask = { model: "f-malformed-first-oai-stream-plain", messages: said("helper") };
    const text = await client.chat.completions.stream(ask).finalContent();
    assert.match(text, /^Simulated answer of backup-.*\.$/s);
  },

  "usage comes with a stream where it was asked for, and only there": async (client) => {
    const ask = { model: "f-ok-oai-stream-plain", messages: said("usage"), stream: true };
    const usages = async (more) => {
      const all = [];
      for await (const chunk of await client.chat.completions.create({ ...ask, ...more })) all.push(chunk.usage ?? null);
      return all;
    };
    const asked = await usages({ stream_options: { include_usage: true } });
    assert(asked.pop().total_tokens > 0);
    assert(asked.every((it) => it === null));
    assert((await usages({})).every((it) => it === null));
  },

  "a model that is no task is not found, once": async (client) => {
    const asked = client.chat.completions.create({ model: "gpt-9", messages: said("x") });
    await assert.rejects(asked, (error) => error instanceof OpenAI.NotFoundError && error.code === "model_not_found");
  },

  "a key that nobody knows is an authentication error": async (_, told) => {
    const stranger = new OpenAI({ baseURL: told.base_url, apiKey: "sk-nobody" });
    const asked = stranger.chat.completions.create({ model: "f-ok-oai-whole-plain", messages: said("x") });
    await assert.rejects(asked, OpenAI.AuthenticationError);
  },

  "a client's own timeout gets our clear error in time, not a broken connection": async (client) => {
    const asked = client.chat.completions.create({ model: "a-hang-oai-whole", messages: said("hurry") }, { timeout: 2200 });
    await assert.rejects(asked, (error) => error.status === 424 && error.error.switchback.outcome === "failed");
  },

  "leaving a stream early ends the provider's call": async (client, told) => {
    for (const vendor of ["oai", "ant"]) {
      const ask = { model: `f-drip-${vendor}-stream-plain`, messages: said("leave"), stream: true };
      const stream = await client.chat.completions.create(ask);
      for await (const _ of stream) break;
      assert(await hasEnded(told), `the provider still answers: ${vendor}`);
    }
  },
};

export async function habits(client, told) {
  const results = [];
  for (const [name, check] of Object.entries(HABITS)) {
    try {
      await check(client, told);
      results.push([name, []]);
    } catch (error) {
      results.push([name, [String(error.message)]]);
    }
  }
  return results;
}
