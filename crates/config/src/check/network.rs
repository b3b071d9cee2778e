//! Doors that are open to more people than they should be.

use crate::codes;
use crate::compile::Draft;
use crate::diagnostic::{Diagnostic, Report};
use crate::raw::Raw;

/// Checks both addresses.
pub(super) fn check(raw: &Raw, draft: &Draft<'_>, report: &mut Report<'_>) {
    let (listen, admin) = (draft.server.listen, draft.server.admin);
    if let Some(written) = &raw.server.admin
        && !admin.ip().is_loopback()
        && !raw.server.has_admin_token
    {
        report.add(
            Diagnostic::error(
                codes::OPEN_ADMIN,
                &written.span,
                format!("admin = \"{admin}\" would let anyone on the network disable routes and read requests"),
            )
            .label("other machines reach this address")
            .fix(format!(
                "admin = \"127.0.0.1:{}\" and an ssh tunnel, or set admin-token = \"env:SWITCHBACK_ADMIN_TOKEN\"",
                admin.port()
            )),
        );
    }
    if let Some(written) = &raw.server.listen
        && !listen.ip().is_loopback()
        && !raw.server.has_app_keys
        && raw.keys.is_empty()
    {
        report.add(
            Diagnostic::error(
                codes::OPEN_LISTEN,
                &written.span,
                format!("listen = \"{listen}\" without application keys: anyone on the network could spend your money"),
            )
            .label("other machines reach this address")
            .fix(format!(
                "app-keys = \"env:SWITCHBACK_APP_KEYS\" in [server], or listen = \"127.0.0.1:{}\"",
                listen.port()
            )),
        );
    }
    if listen.port() != 0 && listen.port() == admin.port() {
        let same_host = listen.ip() == admin.ip() || listen.ip().is_unspecified() || admin.ip().is_unspecified();
        let span = raw.server.admin.as_ref().or(raw.server.listen.as_ref()).map(|it| it.span.clone());
        if let (true, Some(span)) = (same_host, span) {
            report.add(
                Diagnostic::error(
                    codes::SAME_ADDRESS,
                    &span,
                    format!("listen and admin are both at port {}", listen.port()),
                )
                .label("taken by the other one")
                .fix(format!("admin = \"127.0.0.1:{}\"", listen.port().checked_add(1).unwrap_or(4_001))),
            );
        }
    }
}
