//! The words of a first configuration. Every line that is not a comment is needed or worth a look; alternatives stand
//! beside as comments that work once their `#` is taken away.

use std::fmt::Write as _;

/// Most model rungs: as many as a walk has attempts by default.
const MOST_RUNGS: usize = 4;

/// Somebody whose models can be called.
#[derive(Debug)]
pub(super) struct Vendor {
    /// As the file names it.
    pub(super) name: &'static str,
    /// Where its key is.
    pub(super) variable: &'static str,
    /// What its SDK takes, where the name alone does not say it.
    pub(super) base_url: Option<&'static str>,
    /// A model to begin with and its window in tokens; then a smaller one, for whom no other vendor can be called.
    pub(super) models: &'static [(&'static str, u32)],
}

/// One model rung.
struct Rung {
    call: String,
    window: u32,
    cheaper: bool,
}

/// A task for people who wait for text.
pub(super) fn chat(found: &[&Vendor]) -> String {
    let mut text = beginning("chat");
    providers("chat", found, &mut text);
    text.push_str(
        "\n\
         # -- What happens when a model fails ------------------------------------------\n\
         # An application asks with model = \"chat\". The rungs are tried from the top.\n\
         [task.chat]\n\
         about    = \"An assistant for people who wait.\"\n\
         deadline = \"2m\"                # for the whole walk, whatever happens on it\n\
         timeout  = \"25s\"               # for one call\n",
    );
    accepted(found, &mut text);
    ladder(found, &mut text);
    text.push_str(
        "  { fail = \"The assistant does not answer right now. Please try again in a few minutes.\" },\n\
         \x20 # or a ready answer, which is marked as degraded:\n\
         \x20 # { answer = \"We are very busy. Your question was not answered; please ask again later.\" },\n\
         ]\n",
    );
    text
}

/// A task for programs that parse answers.
pub(super) fn extraction(found: &[&Vendor]) -> String {
    let mut text = beginning("extraction");
    providers("extract", found, &mut text);
    text.push_str(
        "\n\
         # -- What an answer must satisfy ----------------------------------------------\n\
         # The JSON Schema that a request sends (response_format, as Pydantic and Zod export it) is a contract: the\n\
         # answer is held against it before any of it leaves, and a broken one moves on. A schema in a file of its own\n\
         # holds for every request of the task; then write the file, and take away the `#` here and at `contract`:\n\
         # [contract.fields]\n\
         # schema = \"contracts/fields.schema.json\"\n\
         \n\
         # -- What happens when a model fails ------------------------------------------\n\
         # An application asks with model = \"extract\". The rungs are tried from the top.\n\
         [task.extract]\n\
         about    = \"Text to fields. A wrong field costs more than a late one.\"\n\
         kind     = \"extraction\"\n\
         # contract = \"fields\"\n\
         stream   = \"assured\"           # streams are judged whole before they begin\n\
         deadline = \"2m\"                # for the whole walk, whatever happens on it\n\
         timeout  = \"25s\"               # for one call\n",
    );
    accepted(found, &mut text);
    ladder(found, &mut text);
    text.push_str("  { fail = \"This text could not be read. Nothing was stored.\" },\n]\n");
    text
}

/// Models on machines of one's own.
pub(super) fn local() -> String {
    let mut text = beginning("local");
    text.push_str(
        "\n\
         # -- Who can be called --------------------------------------------------------\n\
         # Ollama on this machine. `ollama list` shows the models that it has.\n\
         [provider.ollama]\n\
         api      = \"openai-compatible\"\n\
         base-url = \"http://127.0.0.1:11434/v1\"\n\
         connect-timeout = \"500ms\"\n\
         \n\
         # vLLM on this machine, or on a server.\n\
         [provider.vllm]\n\
         api      = \"openai-compatible\"\n\
         base-url = \"http://127.0.0.1:8000/v1\"\n\
         connect-timeout = \"500ms\"\n\
         # keys   = [\"env:VLLM_API_KEY\"]   # where it was started with an API key\n\
         \n\
         # A route says what is to be known of a model. `context` is what the server was started with: a longer request\n\
         # skips the rung instead of being cut silently.\n\
         [route.large]\n\
         call    = \"vllm/Qwen/Qwen3-32B\"\n\
         context = 32_768\n\
         [route.small]\n\
         call    = \"ollama/qwen3:4b\"\n\
         context = 32_768\n\
         \n\
         # -- What happens when a model fails ------------------------------------------\n\
         # An application asks with model = \"chat\". The rungs are tried from the top.\n\
         [task.chat]\n\
         about    = \"An assistant inside the house. Nothing leaves it.\"\n\
         deadline = \"2m\"                # for the whole walk, whatever happens on it\n\
         ladder = [\n\
         \x20 { try = \"large\", timeout = \"45s\", first-token = \"20s\" },\n\
         \x20 { try = \"small\", timeout = \"25s\", retries = 0, as = \"cheaper\" },   # cheaper: its answers are marked as degraded\n\
         \x20 { fail = \"The models of the house do not answer right now. Please try again later.\" },\n\
         ]\n",
    );
    text
}

fn beginning(template: &str) -> String {
    format!(
        "# Switchback, made by `switchback init --template {template}`.\n\
         #\n\
         #   switchback check      is it right?\n\
         #   switchback serve      applications: base_url = http://127.0.0.1:4000/v1\n\
         #   switchback help SB204 explains a code that `check` names\n\
         version = 1\n\
         \n\
         [server]\n\
         listen = \"127.0.0.1:4000\"      # applications\n\
         admin  = \"127.0.0.1:4001\"      # operators: dashboard, metrics, and the other verbs\n\
         # On an address that other machines reach, applications need keys, name:secret separated by commas:\n\
         # app-keys = \"env:SWITCHBACK_APP_KEYS\"\n\
         \n\
         [store]\n\
         records = \"sqlite:switchback.db\"   # why every request went where it went; never what was said\n\
         keep    = \"14d, 2GiB\"\n"
    )
}

fn providers(task: &str, found: &[&Vendor], text: &mut String) {
    text.push_str("\n# -- Who can be called --------------------------------------------------------\n");
    if found.is_empty() {
        let simulator = "# No key was found in the environment, so this calls the simulator: it costs nothing, nothing leaves this\n\
             # machine, and its answers mean nothing. Start it in another terminal with `switchback sim`. With a key in\n\
             # the environment, such as OPENAI_API_KEY, `switchback init` writes a file that calls its provider.\n\
             #\n\
             # To see a request recover, let the first model fail, and ask:\n\
             #   curl 127.0.0.1:4011/_sim/faults -d '{\"model\": \"one\", \"faults\": [\"500\"]}'\n\
             #   curl -i 127.0.0.1:4000/v1/chat/completions -d '{\"model\": \"TASK\", \"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]}'\n\
             #   switchback explain --last\n\
             # The same as a page: http://127.0.0.1:4001/requests/last\n\
             [provider.sim]\n\
             api      = \"openai-compatible\"\n\
             base-url = \"http://127.0.0.1:4010/v1\"\n";
        text.push_str(&simulator.replace("TASK", task));
    }
    for it in found {
        let _ = match it.base_url {
            None => writeln!(text, "[provider.{}]                # its key: {}", it.name, it.variable),
            Some(base_url) => writeln!(
                text,
                "[provider.{}]\napi      = \"openai-compatible\"\nbase-url = \"{base_url}\"\nkeys     = [\"env:{}\"]",
                it.name, it.variable
            ),
        };
    }
    text.push_str(
        "\n\
         # A model on this machine; vLLM is the same at port 8000. For the ladder: { try = \"ollama/qwen3:4b\" }\n\
         # [provider.ollama]\n\
         # api      = \"openai-compatible\"\n\
         # base-url = \"http://127.0.0.1:11434/v1\"\n",
    );
}

/// The model rungs, top first: one of each vendor, or two of the only one.
fn rungs(found: &[&Vendor]) -> Vec<Rung> {
    let sim = |call: &str| Rung { call: format!("sim/{call}"), window: u32::MAX, cheaper: false };
    let rung = |vendor: &Vendor, place: usize, (model, window): &(&str, u32)| Rung {
        call: format!("{}/{model}", vendor.name),
        window: *window,
        cheaper: place > 0,
    };
    match found {
        [] => vec![sim("one"), sim("two")],
        [only] => only.models.iter().enumerate().map(|(place, it)| rung(only, place, it)).collect(),
        several => several.iter().filter_map(|it| Some(rung(it, 0, it.models.first()?))).collect(),
    }
}

/// The warnings about this ladder that are meant, each with what would do better.
fn accepted(found: &[&Vendor], text: &mut String) {
    let mut codes = Vec::new();
    if found.len() < 2 {
        text.push_str("# Every model is at one provider, and its outage is yours: a second provider does better.\n");
        codes.push("\"SB204\"");
    }
    let windows: Vec<u32> = rungs(found).iter().take(MOST_RUNGS).map(|it| it.window).collect();
    if windows.windows(2).any(|it| matches!(it, [above, below] if below < above)) {
        text.push_str("# Requests too long for a model below end at the ones above it.\n");
        codes.push("\"SB206\"");
    }
    if !codes.is_empty() {
        let _ = writeln!(text, "accept   = [{}]", codes.join(", "));
    }
}

fn ladder(found: &[&Vendor], text: &mut String) {
    text.push_str("ladder = [\n");
    for (place, it) in rungs(found).iter().enumerate() {
        // One for each attempt of a walk; the others are there to be put in their place.
        let off = if place < MOST_RUNGS { "" } else { "# " };
        let _ = match it.cheaper {
            true => writeln!(
                text,
                "  {off}{{ try = \"{}\", as = \"cheaper\" }},   # cheaper: its answers are marked as degraded",
                it.call
            ),
            false => writeln!(text, "  {off}{{ try = \"{}\" }},", it.call),
        };
    }
}
