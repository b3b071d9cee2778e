//! The dialects: what a request must look like for each kind of upstream.
//!
//! One file per dialect. A dialect changes what it must by splicing and nothing else; a caller's field that it does not
//! know goes upstream as it came. To add one: a variant of [`Api`], its row in [`APIS`], and its file.

use std::str::FromStr;

use bytes::Bytes;

use crate::head::Head;

mod openai;

/// The kind of an upstream, as `api` of a provider names it in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Api {
    /// OpenAI itself.
    OpenAi,
    /// A server that speaks OpenAI's chat completions: vLLM, Ollama, Groq, Together, DeepSeek, OpenRouter and others.
    OpenAiCompatible,
}

/// What is fixed about an [`Api`].
#[derive(Debug, Clone, Copy)]
pub struct ApiRow {
    /// The kind.
    pub api: Api,
    /// Its name in the configuration.
    pub name: &'static str,
    /// Base URL unless the provider names one.
    pub base_url: Option<&'static str>,
    /// The environment variable that usually holds the key.
    pub key_variable: Option<&'static str>,
    /// Path of chat completions below the base URL.
    pub path: &'static str,
}

/// Every kind of upstream.
#[rustfmt::skip]
pub const APIS: [ApiRow; 2] = [
    ApiRow { api: Api::OpenAi,           name: "openai",            base_url: Some("https://api.openai.com/v1"), key_variable: Some("OPENAI_API_KEY"), path: "/chat/completions" },
    ApiRow { api: Api::OpenAiCompatible, name: "openai-compatible", base_url: None,                              key_variable: None,                   path: "/chat/completions" },
];

// === impl Api ===

impl Api {
    /// The row of the table for this kind.
    #[must_use]
    pub fn row(self) -> &'static ApiRow {
        // The table has every kind (a test holds it so); the first row is never reached as a default.
        APIS.iter().find(|row| row.api == self).unwrap_or(&APIS[0])
    }

    /// The name in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Path of chat completions below the base URL.
    #[must_use]
    pub fn path(self) -> &'static str {
        self.row().path
    }

    /// Base URL unless the provider names one; a compatible server must name its own.
    #[must_use]
    pub fn base_url(self) -> Option<&'static str> {
        self.row().base_url
    }

    /// The environment variable that usually holds the key.
    #[must_use]
    pub fn key_variable(self) -> Option<&'static str> {
        self.row().key_variable
    }
}

impl FromStr for Api {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        APIS.iter().find(|row| row.name == name).map(|row| row.api).ok_or(())
    }
}

/// The body that goes upstream: the caller's with this model, without this field, and with what the upstream needs to be
/// asked for. Nothing to change gives the very same bytes. `head` is the head of this very body. Only what
/// [`hint`] allows is ever left out.
#[must_use]
pub fn request(api: Api, body: &Bytes, head: &Head, model: &str, without: Option<&str>) -> Bytes {
    openai::request(body, head, model, without, api == Api::OpenAi)
}

/// The field, if a request means the same without it.
#[must_use]
pub fn hint(field: &str) -> Option<&'static str> {
    openai::HINTS.iter().find(|hint| **hint == field).copied()
}

#[cfg(test)]
mod tests;
