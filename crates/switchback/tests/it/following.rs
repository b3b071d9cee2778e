//! Followers of the operators' side: a place for whoever stays, none kept for who has gone, and nothing told to who may
//! no longer see it.

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::kit::{Gateway, SOON, ask, chat, file, open, send, sim, until};

const EVENTS: &str = "/admin/v1/events";
/// Of a task that nobody calls.
const FILTERED: &str = "/admin/v1/events?task=nobody";

/// Reads until this has come.
async fn reads(stream: &mut TcpStream, wanted: &str) -> String {
    let (mut all, mut part) = (String::new(), vec![0; 64 * 1024]);
    let reading = async {
        while !all.contains(wanted) {
            let n = stream.read(&mut part).await.unwrap();
            assert!(n > 0, "it ended before {wanted}: {all}");
            all.push_str(&String::from_utf8_lossy(&part[..n]));
        }
    };
    timeout(SOON, reading).await.unwrap_or_else(|_| panic!("{wanted} never came"));
    all
}

/// Reads until there is no more.
async fn ends(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    timeout(SOON, stream.read_to_end(&mut rest)).await.expect("it ends").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_gone_keeps_no_place_while_requests_are_filtered_away() {
    let sim = sim().await;
    let gateway = Gateway::start(&file(&sim.base_url(), "large", "")).await;
    let mut followers = Vec::new();
    for _ in 0..64 {
        let mut stream = open(gateway.admin, "GET", FILTERED, &[], "").await;
        reads(&mut stream, "200 OK").await;
        followers.push(stream);
    }
    assert_eq!(send(gateway.admin, "GET", EVENTS, &[], "").await.status, 503);
    drop(followers);
    until("there is a place again", async || {
        assert_eq!(chat(gateway.listen, &ask("chat", false, "Hi")).await.status, 200);
        let mut next = open(gateway.admin, "GET", EVENTS, &[], "").await;
        let mut head = [0; 12];
        next.read_exact(&mut head).await.unwrap();
        head == *b"HTTP/1.1 200"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_hears_that_we_are_here_while_requests_are_filtered_away() {
    let sim = sim().await;
    let gateway = Gateway::start(&file(&sim.base_url(), "large", "")).await;
    let mut follower = open(gateway.admin, "GET", FILTERED, &[], "").await;
    let mut page = open(gateway.admin, "GET", "/live/now", &[], "").await;
    let traffic = async {
        loop {
            assert_eq!(chat(gateway.listen, &ask("chat", false, "Hi")).await.status, 200);
            tokio::time::sleep(SOON / 30).await;
        }
    };
    let heard = async { tokio::join!(reads(&mut follower, ": still here"), reads(&mut page, ": still here")) };
    tokio::select! {
        () = traffic => {}
        _ = heard => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_follows_on_with_a_token_that_is_no_longer_the_one() {
    let sim = sim().await;
    let with = |name: &str| file(&sim.base_url(), "large", "").server(&format!("admin-token = \"env:{name}\"")).text();
    let envs = [("FIRST_TOKEN", "canary-admin-token-1"), ("NEXT_TOKEN", "canary-admin-token-2")];
    let gateway = Gateway::start_with(&with("FIRST_TOKEN"), &envs).await;
    let first = [("authorization", "Bearer canary-admin-token-1")];
    let mut followers = Vec::new();
    for path in [EVENTS, "/live/now"] {
        let mut stream = open(gateway.admin, "GET", path, &first, "").await;
        reads(&mut stream, "200 OK").await;
        followers.push(stream);
    }
    gateway.rewrite(&with("NEXT_TOKEN"));
    gateway.signal("HUP");
    for follower in &mut followers {
        ends(follower).await;
    }
    assert_eq!(send(gateway.admin, "GET", EVENTS, &first, "").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_follows_on_who_has_signed_out() {
    let sim = sim().await;
    let text = file(&sim.base_url(), "large", "").server("admin-token = \"env:ADMIN_TOKEN\"").text();
    let gateway = Gateway::start_with(&text, &[("ADMIN_TOKEN", "canary-admin-token-1")]).await;
    let form = ("content-type", "application/x-www-form-urlencoded");
    let signed = send(gateway.admin, "POST", "/sign-in", &[form], "token=canary-admin-token-1").await;
    let cookie = signed.header("set-cookie").and_then(|it| it.split(';').next()).unwrap().to_owned();
    let page = send(gateway.admin, "GET", "/", &[("cookie", &cookie)], "").await;
    let form_token =
        page.body.split("name=\"form_token\" value=\"").nth(1).and_then(|it| it.split('"').next()).unwrap();
    let mut follower = open(gateway.admin, "GET", EVENTS, &[("cookie", &cookie)], "").await;
    reads(&mut follower, "200 OK").await;
    let body = format!("form_token={form_token}");
    let out = send(gateway.admin, "POST", "/sign-out", &[form, ("cookie", &cookie)], &body).await;
    assert_eq!(out.status, 303, "{out:?}");
    ends(&mut follower).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_token_signs_in_after_any_number_of_wrong_ones() {
    let sim = sim().await;
    let text = file(&sim.base_url(), "large", "").server("admin-token = \"env:ADMIN_TOKEN\"").text();
    let gateway = Gateway::start_with(&text, &[("ADMIN_TOKEN", "canary-admin-token-1")]).await;
    let form = ("content-type", "application/x-www-form-urlencoded");
    let sign_in =
        async |token: &str| send(gateway.admin, "POST", "/sign-in", &[form], &format!("token={token}")).await.status;
    for _ in 0..10 {
        assert_eq!(sign_in("wrong").await, 401);
    }
    assert_eq!(sign_in("wrong").await, 429);
    assert_eq!(sign_in("canary-admin-token-1").await, 303, "somebody else's wrong ones keep nobody out");
}
