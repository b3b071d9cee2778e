//! `cargo xtask catalogue FILE.json`: the catalogue of models as the gateway embeds it, written from its JSON source.
//!
//! Selects and rewrites, and adds one thing: the addresses that the source leaves to the vendors' SDKs. A price that
//! pico-dollars per token cannot hold, and a name that a line cannot hold, stop the run; nothing is rounded or dropped
//! in silence. The same source gives the same bytes.

mod prices;
mod source;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use crate::talk;

use prices::priced;
use source::{Meta, Model, Provider, Source};

/// Where the files stand.
const FOLDER: &str = "crates/wire/data";

/// Base addresses that the source does not name, from the vendors' documentation. `${NAME}` stands for what differs
/// per account or region.
const ADDRESSES: &[(&str, &str)] = &[
    ("amazon-bedrock", "https://bedrock-runtime.${AWS_REGION}.amazonaws.com"),
    ("anthropic", "https://api.anthropic.com"),
    ("azure", "https://${AZURE_RESOURCE_NAME}.openai.azure.com/openai/v1"),
    ("cerebras", "https://api.cerebras.ai/v1"),
    ("cohere", "https://api.cohere.ai/compatibility/v1"),
    ("deepinfra", "https://api.deepinfra.com/v1/openai"),
    ("google", "https://generativelanguage.googleapis.com/v1beta"),
    ("google-vertex", "https://${GOOGLE_VERTEX_LOCATION}-aiplatform.googleapis.com"),
    ("google-vertex-anthropic", "https://${GOOGLE_VERTEX_LOCATION}-aiplatform.googleapis.com"),
    ("groq", "https://api.groq.com/openai/v1"),
    ("mistral", "https://api.mistral.ai/v1"),
    ("openai", "https://api.openai.com/v1"),
    ("perplexity", "https://api.perplexity.ai"),
    ("togetherai", "https://api.together.xyz/v1"),
    ("vercel", "https://ai-gateway.vercel.sh/v1"),
    ("xai", "https://api.x.ai/v1"),
];

/// Further hosts at which the same models are sold at the same prices.
const HOSTS: &[(&str, &str)] = &[
    ("azure", "*.services.ai.azure.com"),
    ("cohere", "api.cohere.com"),
    ("google-vertex", "aiplatform.googleapis.com"),
    ("google-vertex-anthropic", "aiplatform.googleapis.com"),
    ("togetherai", "api.together.ai"),
];

const LEGEND: &str = "\
# A line is `provider/model` and tab-separated fields; what a line does not say is unknown. Lines are sorted bytewise.
#   cN iN oN    tokens: context window, largest input, largest output
#   +… -…       what it can and what it cannot: c chat, e embeddings, t tools, s answers held to a schema, i images,
#               a audio, p pdf (each as input), r reasoning. A list of inputs without pdf does not say that pdf fails.
#   $I O …      US dollars per 1,000,000 tokens of input and output; then rN cached input, wN cache writes, tN reasoning,
#               aN audio input, AN audio output. 0 is known to be free.
#   >N I O …    the prices of the whole request once its prompt has more than N tokens
#   !           deprecated
#   @DATE       released
";

/// The two files.
struct Files {
    models: String,
    providers: String,
}

/// Writes both files from the JSON at `path`.
///
/// # Errors
///
/// A source that cannot be read or says what the files cannot hold; a file that cannot be written.
pub(crate) fn write(root: &Path, path: &str) -> Result<ExitCode, String> {
    let json = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let files = files(&json).map_err(|why| format!("{path}: {why}"))?;
    for (name, text) in [("catalogue.txt", &files.models), ("providers.txt", &files.providers)] {
        fs::write(root.join(FOLDER).join(name), text).map_err(|error| format!("{FOLDER}/{name}: {error}"))?;
        talk(&format!("{FOLDER}/{name}: {} bytes", text.len()));
    }
    Ok(ExitCode::SUCCESS)
}

fn files(json: &str) -> Result<Files, String> {
    let source: Source<'_> = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let mut models = BTreeSet::new();
    let mut providers = BTreeSet::new();
    for (name, provider) in &source.providers {
        providers.insert(provider_line(name, provider)?);
        for (id, model) in &provider.models {
            let line = model_line(name, id, model).map_err(|why| format!("{name}/{id}: {why}"))?;
            models.insert((format!("{name}/{id}"), line));
        }
    }
    let mut files = Files { models: header(&source), providers: providers_header(&source.meta) };
    models.iter().for_each(|(key, fields)| line(&mut files.models, &format!("{key}{fields}")));
    providers.iter().for_each(|it| line(&mut files.providers, it));
    Ok(files)
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

const WRITTEN: &str = "Written by `cargo xtask catalogue`; not edited by hand, but written again from a newer source.";

fn origin(meta: &Meta) -> String {
    format!("# Source: {}, commit {} of {}. {}.\n", meta.source, meta.commit, meta.commit_date, meta.licence)
}

fn header(source: &Source<'_>) -> String {
    let mut text = format!("# The built-in catalogue of models. {WRITTEN}\n{}", origin(&source.meta));
    if let Some(it) = &source.meta.supplement {
        let added = source.providers.iter().flat_map(|(name, provider)| {
            let ours = |model: &&Model<'_>| model.source.is_some() || model.cost_source.is_some();
            provider.models.iter().filter(move |(_, model)| ours(model)).map(move |(id, _)| format!("{name}/{id}"))
        });
        let added: Vec<String> = added.collect();
        let (source, commit, date, licence) = (&it.source, &it.commit, &it.commit_date, &it.licence);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# Supplement: {source}, commit {commit} of {date}. {licence}. It gives the prices of:");
        added.iter().for_each(|it| line(&mut text, &format!("#   {it}")));
    }
    text += "# The texts of the licences are in LICENSES.txt beside this file.\n#\n";
    text += LEGEND;
    text + "\n"
}

fn providers_header(meta: &Meta) -> String {
    format!(
        "# The providers of the built-in catalogue. {WRITTEN}\n{}\
         # The texts of the licences are in LICENSES.txt beside this file.\n#\n\
         # A line is a name, its base URL, its hosts (`*` is any text), and the environment variables that its clients\n\
         # read; `-` is none. Tab-separated, several of a kind by spaces. Lines are sorted bytewise.\n\n",
        origin(meta)
    )
}

fn provider_line(name: &str, provider: &Provider<'_>) -> Result<String, String> {
    let is_plain = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
    if name.is_empty() || !name.chars().all(is_plain) {
        return Err(format!("`{name}` is no name of a provider"));
    }
    let known = ADDRESSES.iter().find(|(it, _)| *it == name).map(|(_, url)| *url);
    let url = provider.api.as_deref().or(known);
    let mut hosts: Vec<String> = url.and_then(host).into_iter().collect();
    hosts.extend(HOSTS.iter().filter(|(it, _)| *it == name).map(|(_, host)| (*host).to_owned()));
    let cells = [url.unwrap_or_default().to_owned(), hosts.join(" "), provider.env.join(" ")];
    let cells = cells.map(|it| if it.is_empty() { "-".to_owned() } else { it });
    if cells.iter().any(|it| it.contains(['\t', '\n'])) {
        return Err(format!("{name} holds a tab or a line break"));
    }
    Ok(format!("{name}\t{}", cells.join("\t")))
}

/// The host of a URL, with `*` for each `${NAME}`; none where nothing but a name stands for it.
fn host(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let mut host = String::new();
    let mut rest = rest.split('/').next()?;
    while let Some((before, after)) = rest.split_once("${") {
        host += before;
        host.push('*');
        rest = after.split_once('}')?.1;
    }
    host += rest;
    (host != "*").then(|| host.to_ascii_lowercase())
}

/// The fields of a model, each with a tab before it.
fn model_line(provider: &str, id: &str, model: &Model<'_>) -> Result<String, String> {
    if id.is_empty() || !id.bytes().all(|it| it.is_ascii_graphic()) {
        return Err("a name of a model is printable ASCII without spaces".to_owned());
    }
    if provider.len() + id.len() > 200 {
        return Err("is longer than 200 bytes".to_owned());
    }
    let is_embedding = match model.kind.as_str() {
        "chat" => false,
        "embedding" => true,
        other => return Err(format!("kind `{other}` is not known")),
    };
    // Of an embedding model the source gives the length of the vector there.
    let output = model.limit.output.filter(|_| !is_embedding);
    let mut line = String::new();
    for (mark, limit) in [('c', model.limit.context), ('i', model.limit.input), ('o', output)] {
        if let Some(it) = limit {
            // Writing to a string cannot fail.
            let _ = write!(line, "\t{mark}{it}");
        }
    }
    line += &abilities(model, is_embedding);
    if let Some(cost) = &model.cost {
        line += &priced(cost, is_embedding)?;
    }
    if model.status.as_deref() == Some("deprecated") {
        line += "\t!";
    }
    // A month alone cannot tell one dated name from another.
    if let Some(date) = model.release_date.as_deref().filter(|it| it.len() == "2025-01-31".len()) {
        line = line + "\t@" + date;
    }
    Ok(line)
}

/// What the model is known to do and known not to do.
fn abilities(model: &Model<'_>, is_embedding: bool) -> String {
    let takes = |kind: &str| model.modalities.as_ref().map(|it| it.input.iter().any(|it| it == kind));
    let known = [
        ('c', Some(!is_embedding)),
        ('e', Some(is_embedding)),
        ('t', model.tools),
        ('s', model.structured_output),
        ('i', takes("image")),
        ('a', takes("audio")),
        // The same model is listed with pdf here and without it there: an absence proves nothing.
        ('p', takes("pdf").filter(|it| *it)),
        ('r', model.reasoning),
    ];
    let these = |wanted: bool| known.iter().filter(move |(_, it)| *it == Some(wanted)).map(|(letter, _)| *letter);
    let mut text = String::from("\t+");
    text.extend(these(true));
    text += "\t-";
    text.extend(these(false));
    text
}
