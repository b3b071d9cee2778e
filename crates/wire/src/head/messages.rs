//! The walk over `messages`: roles are checked, parts tell what a route must be able to read, text is weighed.
//!
//! Nothing is decoded: text is counted as it stands, and base64 of images, audio and files is skipped by its length.
//! What a part must look like is the provider's business; an odd one counts as text and passes.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use switchback_core::route::{Capabilities, Capability};

use super::HeadError;
use crate::estimate::{MESSAGE_TOKENS, Tally};
use crate::json;

const NO_OBJECT: &str = "must be an object";
const NO_ROLE: &str = "must have a 'role' that is a string";
const ROLE_TWICE: &str = "gives 'role' or 'content' twice";

/// What the messages tell beside their weight.
pub(super) struct Seen {
    /// What their parts need.
    pub(super) needs: Capabilities,
    /// Whether one names a file or an answer that a provider holds.
    pub(super) pins: bool,
}

/// Walks the value of `messages`; adds its weight to the tally.
pub(super) fn walk(messages: &RawValue, tally: &mut Tally) -> Result<Seen, HeadError> {
    if !messages.get().starts_with('[') {
        return Err(HeadError::WrongType { field: "messages", expected: "an array" });
    }
    let seen = Seen { needs: Capabilities::NONE, pins: false };
    let mut walk = Walk { index: 0, seen, fault: NO_OBJECT, tally };
    if serde_json::Deserializer::from_str(messages.get()).deserialize_seq(&mut walk).is_err() {
        return Err(HeadError::Message { index: walk.index, fault: walk.fault });
    }
    if walk.index == 0 {
        return Err(HeadError::Empty { field: "messages" });
    }
    Ok(walk.seen)
}

/// State of the walk, passed down as serde's seed and visitor.
struct Walk<'t> {
    index: usize,
    seen: Seen,
    /// What is wrong if the parser stops now.
    fault: &'static str,
    tally: &'t mut Tally,
}

impl<'de> Visitor<'de> for &mut Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("messages")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Message(self))?.is_some() {
            self.index += 1;
            self.fault = NO_OBJECT;
        }
        Ok(())
    }
}

/// One message.
struct Message<'w, 't>(&'w mut Walk<'t>);

/// The keys of a message that matter. Text and tool calls of the assistant are part of the prompt too.
#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Key {
    Role,
    Content,
    Refusal,
    ToolCalls,
    Audio,
    #[serde(other)]
    Other,
}

impl<'de> DeserializeSeed<'de> for Message<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Message<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let walk = self.0;
        let (mut role, mut content) = (None, None);
        while let Some(key) = map.next_key()? {
            let slot = match key {
                Key::Role => &mut role,
                Key::Content => &mut content,
                Key::Refusal | Key::ToolCalls => {
                    walk.tally.add(map.next_value::<&RawValue>()?.get().as_bytes());
                    continue;
                }
                Key::Audio => {
                    walk.seen.pins |= json::truthy(Some(map.next_value::<&RawValue>()?));
                    continue;
                }
                Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            if slot.replace(map.next_value::<&RawValue>()?).is_some() {
                walk.fault = ROLE_TWICE;
                return Err(serde::de::Error::custom(ROLE_TWICE));
            }
        }
        if !role.is_some_and(|role| role.get().starts_with('"')) {
            walk.fault = NO_ROLE;
            return Err(serde::de::Error::custom(NO_ROLE));
        }
        walk.tally.add_fixed(MESSAGE_TOKENS);
        if let Some(content) = json::given(content) {
            weigh(content, walk);
        }
        Ok(())
    }
}

/// Adds a message's content: a string, or parts.
fn weigh(content: &RawValue, walk: &mut Walk<'_>) {
    let parts = if content.get().starts_with('[') { serde_json::from_str(content.get()).ok() } else { None };
    let Some(Parts(parts)) = parts else {
        walk.tally.add(content.get().as_bytes());
        return;
    };
    for part in parts {
        match part.holds {
            Holds::Text => walk.tally.add(part.weight.get().as_bytes()),
            Holds::Image => {
                walk.seen.needs = walk.seen.needs.with(Capability::Images);
                walk.tally.add_image();
            }
            Holds::Audio => {
                walk.seen.needs = walk.seen.needs.with(Capability::Audio);
                walk.tally.add_audio(part.weight.get().len());
            }
            Holds::File => {
                walk.seen.needs = walk.seen.needs.with(Capability::Pdf);
                walk.tally.add_document(part.weight.get().len());
                let file = json::object::<File<'_>>(part.weight.get()).ok();
                walk.seen.pins |= file.and_then(|file| json::given(file.file_id)).is_some();
            }
        }
    }
}

/// The member of a `file` part that names what a provider holds.
#[derive(serde::Deserialize)]
struct File<'a> {
    #[serde(borrow, default)]
    file_id: Option<&'a RawValue>,
}

struct Parts<'a>(Vec<Part<'a>>);

/// What one part holds, and the raw member that carries it.
struct Part<'a> {
    holds: Holds,
    weight: &'a RawValue,
}

#[derive(Clone, Copy)]
enum Holds {
    Text,
    Image,
    Audio,
    File,
}

impl<'de: 'a, 'a> Deserialize<'de> for Parts<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;

        impl<'de> Visitor<'de> for All {
            type Value = Vec<Part<'de>>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("parts")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut parts = Vec::new();
                while seq.next_element_seed(OnePart(&mut parts))?.is_some() {}
                Ok(parts)
            }
        }

        deserializer.deserialize_seq(All).map(Parts)
    }
}

/// The keys of a part that carry something.
#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum PartKey {
    Text,
    Refusal,
    ImageUrl,
    Image,
    InputAudio,
    File,
    #[serde(other)]
    Other,
}

/// Reads one part into the list: a member counts by its key, whatever `type` says.
struct OnePart<'p, 'a>(&'p mut Vec<Part<'a>>);

impl<'de: 'a, 'a> DeserializeSeed<'de> for OnePart<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de: 'a, 'a> Visitor<'de> for OnePart<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a part")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key()? {
            let weight = map.next_value::<&RawValue>()?;
            let holds = match key {
                PartKey::Text | PartKey::Refusal => Holds::Text,
                PartKey::ImageUrl | PartKey::Image => Holds::Image,
                PartKey::InputAudio => Holds::Audio,
                PartKey::File => Holds::File,
                PartKey::Other => continue,
            };
            if json::given(Some(weight)).is_some() {
                self.0.push(Part { holds, weight });
            }
        }
        Ok(())
    }
}
