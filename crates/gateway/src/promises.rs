//! Compiled promises, kept: an application sends the same schema with every request, and compiling one costs more than
//! everything else that is done to a request.
//!
//! Looked up by the SHA-256 of the request's own texts and the contract's place, so that no caller can make another's
//! promise its own. Bounded by number; when it is full, the half that was not used lately goes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use switchback_contract::{Promise, PromiseError, Schema};
use switchback_core::id::ContractId;
use switchback_wire::head::Head;
use tokio::sync::Semaphore;

/// Most promises that are kept.
const MOST: usize = 256;
/// Schemas that are compiled at once.
const AT_ONCE: usize = 4;

type Digest = [u8; 32];

/// The promises that were compiled under one configuration.
#[derive(Debug)]
pub(crate) struct Promises {
    nothing: Arc<Promise>,
    turns: Semaphore,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    by_digest: HashMap<Digest, (u64, Arc<Promise>)>,
    n_uses: u64,
}

/// What a request promises, as it came.
pub(crate) struct Texts {
    body: Bytes,
    parts: [Option<std::ops::Range<usize>>; 4],
    contract: Option<(ContractId, Schema)>,
}

// === impl Texts ===

impl Texts {
    pub(crate) fn of(head: &Head, body: &Bytes, contract: Option<(ContractId, Schema)>) -> Self {
        let own = [&head.response_format, &head.tools, &head.tool_choice, &head.functions];
        let parts = own.map(Clone::clone);
        Self { body: body.clone(), parts, contract }
    }

    fn part(&self, place: usize) -> Option<&str> {
        let span = self.parts.get(place)?.clone()?;
        std::str::from_utf8(self.body.get(span)?).ok()
    }

    fn is_nothing(&self) -> bool {
        self.contract.is_none() && self.parts.iter().all(Option::is_none)
    }

    fn digest(&self) -> Digest {
        let mut context = Context::new(&SHA256);
        for place in 0..self.parts.len() {
            let part = self.part(place).unwrap_or_default();
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part.as_bytes());
        }
        let contract = self.contract.as_ref().map_or(u32::MAX, |(id, _)| id.0);
        context.update(&contract.to_be_bytes());
        let mut out = Digest::default();
        for (to, from) in out.iter_mut().zip(context.finish().as_ref()) {
            *to = *from;
        }
        out
    }

    fn compile(&self) -> Result<Promise, PromiseError> {
        let older = self.part(3).and_then(as_tools);
        let own = Promise::of_request(self.part(0), self.part(1).or(older.as_deref()), self.part(2))?;
        Ok(match &self.contract {
            Some((_, schema)) => own.and_contract(schema.clone()),
            None => own,
        })
    }
}

/// The older `functions` as the `tools` that they mean.
fn as_tools(functions: &str) -> Option<String> {
    let functions: Vec<&serde_json::value::RawValue> = serde_json::from_str(functions).ok()?;
    let tools = functions.iter().map(|it| format!(r#"{{"type":"function","function":{it}}}"#));
    Some(format!("[{}]", tools.collect::<Vec<_>>().join(",")))
}

// === impl Promises ===

impl Promises {
    pub(crate) fn new() -> Self {
        let turns = Semaphore::new(AT_ONCE);
        Self { nothing: Arc::new(Promise::nothing()), turns, kept: Mutex::default() }
    }

    /// The promise of a request: kept, or compiled on a thread where it holds up nobody.
    ///
    /// # Errors
    ///
    /// What is wrong with the request's own schema or tools.
    pub(crate) async fn of(&self, texts: Texts) -> Result<Arc<Promise>, PromiseError> {
        if texts.is_nothing() {
            return Ok(Arc::clone(&self.nothing));
        }
        let digest = texts.digest();
        if let Some(promise) = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(&digest) {
            return Ok(promise);
        }
        // A few at a time: a flood of new schemas waits here, not on every thread there is.
        let _turn = self.turns.acquire().await;
        if let Some(promise) = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(&digest) {
            return Ok(promise);
        }
        let compiled = tokio::task::spawn_blocking(move || texts.compile()).await;
        let promise = Arc::new(compiled.unwrap_or_else(|_| {
            let message = "the request's schema could not be compiled".to_owned();
            Err(PromiseError { param: "response_format".to_owned(), code: "invalid_schema", message })
        })?);
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).put(digest, Arc::clone(&promise));
        Ok(promise)
    }
}

// === impl Kept ===

impl Kept {
    fn get(&mut self, digest: &Digest) -> Option<Arc<Promise>> {
        self.n_uses += 1;
        let (used, promise) = self.by_digest.get_mut(digest)?;
        *used = self.n_uses;
        Some(Arc::clone(promise))
    }

    fn put(&mut self, digest: Digest, promise: Arc<Promise>) {
        if self.by_digest.len() >= MOST {
            let mut uses: Vec<u64> = self.by_digest.values().map(|(used, _)| *used).collect();
            let (_, median, _) = uses.select_nth_unstable(MOST / 2);
            let median = *median;
            self.by_digest.retain(|_, (used, _)| *used > median);
        }
        self.by_digest.insert(digest, (self.n_uses, promise));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(body: &'static str) -> Texts {
        let body = Bytes::from_static(body.as_bytes());
        let head = Head::read(&body).expect("head");
        Texts::of(&head, &body, None)
    }

    #[tokio::test]
    async fn the_same_schema_is_compiled_once_and_another_is_another() {
        let promises = Promises::new();
        let a = r#"{"model":"m","messages":[{"role":"user","content":"1"}],"response_format":{"type":"json_object"}}"#;
        let b = r#"{"model":"n","messages":[{"role":"user","content":"2"}],"response_format":{"type":"json_object"}}"#;
        let c = r#"{"model":"m","messages":[{"role":"user","content":"1"}],"response_format":{"type":"text"}}"#;
        let (a, b, c) = (promises.of(texts(a)).await, promises.of(texts(b)).await, promises.of(texts(c)).await);
        let (a, b, c) = (a.expect("a"), b.expect("b"), c.expect("c"));
        assert!(Arc::ptr_eq(&a, &b));
        assert!(!Arc::ptr_eq(&a, &c));
        assert!(a.promises_json() && !c.promises_json());
    }

    #[test]
    fn it_never_holds_more_than_its_bound() {
        let mut kept = Kept::default();
        for n in 0_u64..2_000 {
            let mut digest = Digest::default();
            digest[..8].copy_from_slice(&n.to_be_bytes());
            kept.n_uses += 1;
            kept.put(digest, Arc::new(Promise::nothing()));
            assert!(kept.by_digest.len() <= MOST);
        }
    }
}
