//! How many tokens some text is likely to be, from its bytes alone.
//!
//! An estimate, used for workload buckets and to skip windows that are clearly too small; never for billing, and never
//! to refuse what a provider might accept by a small margin. Exact vocabularies differ by model and cost start time
//! and memory. One pass over the bytes, no decoding, no allocation for plain text.
//!
//! The rates are rules of thumb: OpenAI's is four characters of English per token. Ours for the rest, not measured, are
//! two letters of another alphabet per token, and one character of Chinese, Japanese or Korean.

use memchr::memmem;

/// Tokens of one image: a 1024 × 1024 picture in high detail at OpenAI's tile price (85 + 4 · 170).
pub const IMAGE_TOKENS: u64 = 765;

/// Tokens that a message costs beside its words: role and separators.
pub(crate) const MESSAGE_TOKENS: u64 = 4;

/// Base64 characters of audio per token: ten tokens a second at about 20 kB of compressed base64 a second.
const AUDIO_BYTES_PER_TOKEN: u64 = 2_000;

/// Base64 characters of a document per token: about 1,500 tokens for a page of 100 kB.
const DOCUMENT_BYTES_PER_TOKEN: u64 = 64;

/// Text counted by class of character; sums of several texts add up before anything is rounded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// ASCII in all.
    ascii: u64,
    /// ASCII digits: up to three share a token, and long numbers split.
    digits: u64,
    /// ASCII that is neither letter, digit nor space: mostly a token for each run.
    marks: u64,
    /// Characters of two bytes: Latin with accents, Greek, Cyrillic, Hebrew, Arabic.
    two: u64,
    /// Characters of three bytes: mostly Chinese, Japanese, Korean.
    three: u64,
    /// Characters of four bytes: emoji and rare signs.
    four: u64,
    /// Tokens known by another rule.
    fixed: u64,
}

/// Estimated tokens of plain text or of a JSON text (its `\uXXXX` escapes count as the characters they stand for).
#[must_use]
pub fn estimate_tokens(text: &[u8]) -> u64 {
    let mut tally = Tally::default();
    tally.add(text);
    tally.tokens()
}

// === impl Tally ===

impl Tally {
    /// Counts a text, raw or as the inside of JSON.
    pub(crate) fn add(&mut self, text: &[u8]) {
        let mut from = 0;
        for at in memmem::find_iter(text, b"\\u") {
            let Some(point) = text.get(at + 2..at + 6).and_then(hex) else { continue };
            self.add_plain(text.get(from..at).unwrap_or_default());
            match point {
                0..0x80 => self.ascii += 1,
                0x80..0x800 => self.two += 1,
                // The second half of a pair adds nothing to the first.
                0xD800..0xDC00 => self.four += 1,
                0xDC00..0xE000 => {}
                _ => self.three += 1,
            }
            from = at + 6;
        }
        self.add_plain(text.get(from..).unwrap_or_default());
    }

    /// Counts one picture.
    pub(crate) fn add_image(&mut self) {
        self.fixed += IMAGE_TOKENS;
    }

    /// Counts audio of this many base64 characters.
    pub(crate) fn add_audio(&mut self, length: usize) {
        self.fixed += (length as u64).div_ceil(AUDIO_BYTES_PER_TOKEN);
    }

    /// Counts a document of this many base64 characters.
    pub(crate) fn add_document(&mut self, length: usize) {
        self.fixed += (length as u64).div_ceil(DOCUMENT_BYTES_PER_TOKEN);
    }

    /// Counts tokens that are known otherwise.
    pub(crate) fn add_fixed(&mut self, tokens: u64) {
        self.fixed += tokens;
    }

    /// The estimate, rounded up.
    pub(crate) fn tokens(self) -> u64 {
        let words = self.ascii.saturating_sub(self.digits).saturating_sub(self.marks);
        // Twelfths of a token: a letter or space a quarter, a digit a third (numbers split in threes), a mark and a
        // letter of another alphabet a half, a wide character one, an emoji two.
        let twelfths = words * 3 + self.digits * 4 + self.marks * 6 + self.two * 6 + self.three * 12 + self.four * 24;
        twelfths.div_ceil(12) + self.fixed
    }

    /// Blocks of at most 255 keep the counters in bytes, which lets the compiler count sixteen at a time.
    fn add_plain(&mut self, text: &[u8]) {
        for block in text.chunks(255) {
            let [mut ascii, mut digits, mut letters, mut two, mut three, mut four] = [0u8; 6];
            for &byte in block {
                ascii += u8::from(byte < 0x80);
                digits += u8::from(byte.wrapping_sub(b'0') < 10);
                letters += u8::from((byte | 0x20).wrapping_sub(b'a') < 26) + u8::from(byte <= b' ');
                two += u8::from(byte & 0xE0 == 0xC0);
                three += u8::from(byte & 0xF0 == 0xE0);
                four += u8::from(byte >= 0xF0);
            }
            self.ascii += u64::from(ascii);
            self.digits += u64::from(digits);
            self.marks += u64::from(ascii.saturating_sub(digits).saturating_sub(letters));
            self.two += u64::from(two);
            self.three += u64::from(three);
            self.four += u64::from(four);
        }
    }
}

/// Four hexadecimal digits as a number.
fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |sum, digit| Some(sum * 16 + char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(text: &str, low: u64, high: u64) {
        let tokens = estimate_tokens(text.as_bytes());
        assert!((low..=high).contains(&tokens), "{tokens} for {text:?}");
    }

    #[test]
    fn text_weighs_by_its_rule_of_thumb() {
        about("The quick brown fox jumps over the lazy dog.", 10, 13); // 44 characters, four to a token
        about("Страна встречает весну", 9, 12); // 20 letters, two to a token
        about("今天的天气非常好，我们去公园吧。", 15, 17); // 16 characters, one to a token
        about("{\"a\":[1,2],\"b\":{}}", 8, 12); // marks weigh more than letters
        about(&"A".repeat(4_000), 1_000, 1_000);
    }

    #[test]
    fn an_escaped_character_counts_like_the_character() {
        assert_eq!(estimate_tokens("中文".as_bytes()), estimate_tokens(br"\u4e2d\u6587"));
        assert_eq!(estimate_tokens("😀".as_bytes()), estimate_tokens(br"\ud83d\ude00"));
        assert!(estimate_tokens(br"\u12") > 0, "a broken escape is just text");
    }

    #[test]
    fn more_text_is_never_fewer_tokens() {
        let text = "Größe 12,5 — 中文 text ".repeat(40);
        let sizes: Vec<u64> = (0..text.len()).map(|end| estimate_tokens(&text.as_bytes()[..end])).collect();
        assert!(sizes.is_sorted());
        assert_eq!(sizes[0], 0);
    }
}
