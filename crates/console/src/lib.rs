//! The dashboard: pages, charts and live events, rendered on the server.
