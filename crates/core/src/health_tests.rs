//! Health scopes against what an operator would notice.
