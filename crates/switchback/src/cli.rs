//! What can be typed. The groups of the help follow the life of a deployment.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

const HELP: &str = "\
switchback decides what your application does when a model fails, and can tell you why.

Start       demo         simulated providers, traffic and an outage; no key, no network, no file
            init         a first configuration, from the keys in the environment    init > switchback.toml
            check        is this configuration right?
            serve        run the gateway
            sim          the provider simulator alone, on a port

Understand  status       one screen, one exit code
            tail         finished requests as they happen
            explain      why did this request go where it went?    explain req_01K9… | explain --last
            plan         what would happen to the next request?    plan chat --if 'openai/*=timeout'

Act         routes       list · show · disable · enable · trip · reset
            reload       apply the configuration file now

Prove       test         the configuration's [[test]], offline, in milliseconds

Plumbing    help         help SB204 explains a code, offline; help routes a verb
            completions  for bash, zsh, fish, elvish and powershell
            man          the manual; man --dir DIR writes a page for each verb

Options for every verb:
  -c, --config FILE    the configuration [SWITCHBACK_CONFIG, default ./switchback.toml]
      --admin URL      the operator's side of a running gateway [SWITCHBACK_ADMIN, default http://127.0.0.1:4001]
      --json           machine-readable output
      --color WHEN     auto, always or never; NO_COLOR is honoured
  -q, --quiet          data only
  -v, --verbose        more talk
      --no-input       never ask; say which flag would have answered
      --yes            answer every question with yes

Exit codes: 0 fine · 1 the answer is bad · 2 wrong usage · 3 gateway not reachable · 4 refused · 5 not found ·
78 configuration invalid.   `switchback VERB --help` tells more about a verb.";

/// Decides what your application does when a model fails, and can tell you why.
#[derive(Debug, Parser)]
#[command(name = "switchback", version, override_help = HELP, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// The configuration file.
    #[arg(
        short,
        long,
        global = true,
        env = "SWITCHBACK_CONFIG",
        default_value = "switchback.toml",
        value_name = "FILE"
    )]
    pub(crate) config: PathBuf,
    /// The operator's side of a running gateway.
    #[arg(long, global = true, env = "SWITCHBACK_ADMIN", default_value = "http://127.0.0.1:4001", value_name = "URL")]
    pub(crate) admin: String,
    /// The token of the operator's side.
    #[arg(long, global = true, env = "SWITCHBACK_ADMIN_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub(crate) admin_token: Option<String>,
    /// Machine-readable output.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// When to colour.
    #[arg(long, global = true, default_value = "auto", value_name = "WHEN")]
    pub(crate) color: Color,
    /// Data only; of the log only errors.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// More talk; the log in detail.
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// Never ask.
    #[arg(long, global = true)]
    pub(crate) no_input: bool,
    /// Answer every question with yes.
    #[arg(long, global = true)]
    pub(crate) yes: bool,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Simulated providers, traffic and an outage; no key, no network, no file.
    Demo(Demo),
    /// Print a first configuration, made from the keys in the environment.
    Init(Init),
    /// Is this configuration right?
    Check(Check),
    /// Run the gateway.
    Serve(Serve),
    /// The provider simulator alone, on a port.
    Sim(Sim),
    /// One screen, one exit code.
    Status,
    /// Follow finished requests as they happen.
    Tail(Tail),
    /// Why did this request go where it went?
    Explain(Explain),
    /// Routes: list, show, disable, enable, trip, reset.
    Routes(Routes),
    /// Apply the configuration file now.
    Reload(Reason),
    /// What would happen to the next request? Without a call.
    Plan(Plan),
    /// Run the tests of the configuration, offline.
    Test(Test),
    /// Explain a code such as SB204, or a verb, offline.
    Help(Help),
    /// Print completions for a shell.
    Completions(Completions),
    /// Print the manual, or write a page for each verb.
    Man(Man),
}

/// `demo`.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Port of the applications' side; the operators' is the next one.
    #[arg(long, default_value_t = 4000)]
    pub(crate) port: u16,
    /// Seed of the simulation.
    #[arg(long, default_value_t = 7)]
    pub(crate) seed: u64,
    /// Requests a second, 1 to 50.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=50))]
    pub(crate) rate: u16,
    /// End by itself after this time, such as `60s`; else Ctrl-C ends it.
    #[arg(long = "for", value_name = "TIME")]
    pub(crate) span: Option<String>,
    /// When the outage begins.
    #[arg(long, default_value = "20s", value_name = "TIME")]
    pub(crate) outage_after: String,
}

/// `init`.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// What the configuration is for.
    #[arg(long, default_value = "chat", value_name = "NAME")]
    pub(crate) template: Template,
    /// Another gateway's configuration to translate; not supported yet.
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
}

/// What a first configuration is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Template {
    /// People who wait for text.
    Chat,
    /// Programs that parse answers.
    Extraction,
    /// Models on machines of your own; needs no key.
    Local,
}

/// `check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Warnings fail, too.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Print every value that holds, and where it comes from: the file, the catalogue or a default.
    #[arg(long)]
    pub(crate) show: bool,
}

/// `serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// How the log is written: `auto` is text on a terminal and JSON lines elsewhere.
    #[arg(long, env = "SWITCHBACK_LOG_FORMAT", default_value = "auto", value_name = "FORMAT")]
    pub(crate) log_format: LogFormat,
    /// The least that is logged; `-v` and `-q` win over it.
    #[arg(long, env = "SWITCHBACK_LOG", default_value = "info", value_name = "LEVEL")]
    pub(crate) log: LogLevel,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Auto,
    Text,
    Json,
}

/// The least that is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
}

/// `sim`.
#[derive(Debug, Args)]
pub(crate) struct Sim {
    /// Port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 4010)]
    pub(crate) port: u16,
    /// Seed of the simulation.
    #[arg(long, default_value_t = 7)]
    pub(crate) seed: u64,
    /// Time to the first token: `40ms`, `20ms..80ms` or `lognormal 80ms 0.4`.
    #[arg(long, default_value = "40ms", value_name = "LATENCY")]
    pub(crate) first_token: String,
    /// Time between tokens, in the same forms.
    #[arg(long, default_value = "5ms", value_name = "LATENCY")]
    pub(crate) between_tokens: String,
    /// List the faults and end.
    #[arg(long)]
    pub(crate) faults: bool,
}

/// `tail`.
#[derive(Debug, Args)]
pub(crate) struct Tail {
    /// Only tasks of this pattern: `support-*`.
    #[arg(long, value_name = "GLOB")]
    pub(crate) task: Option<String>,
    /// Only this outcome: ok, recovered, degraded, deferred, refused or failed, or a pattern of them.
    #[arg(long, value_name = "OUTCOME")]
    pub(crate) outcome: Option<String>,
    /// Only requests that called a route of this pattern: `openai/*`.
    #[arg(long, value_name = "GLOB")]
    pub(crate) route: Option<String>,
    /// Begin with so many of the last requests.
    #[arg(short = 'n', long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u16).range(..=1_000))]
    pub(crate) last: u16,
    /// Tell below each request why it went where it went.
    #[arg(long)]
    pub(crate) explain: bool,
}

/// `explain`.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Explain {
    /// The request, or a unique beginning of its id.
    pub(crate) id: Option<String>,
    /// The newest request.
    #[arg(long)]
    pub(crate) last: bool,
}

/// `plan`.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// The task.
    pub(crate) task: String,
    /// What calls would meet: `openai/*=timeout`, `gpt=disabled`; a list is one for each call: `gpt=500,ok`.
    #[arg(long = "if", value_name = "SELECTOR=FAULT")]
    pub(crate) hypotheses: Vec<String>,
    /// The request's surface: interactive or background.
    #[arg(long, value_name = "SURFACE")]
    pub(crate) surface: Option<String>,
    /// The caller's segment.
    #[arg(long, value_name = "NAME")]
    pub(crate) segment: Option<String>,
    /// Tokens of the prompt.
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub(crate) tokens: u64,
    /// From what the running gateway knows of its routes, instead of the file.
    #[arg(long)]
    pub(crate) live: bool,
}

/// `test`.
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// Only tests whose name matches this pattern: `*openai*`.
    #[arg(default_value = "*", value_name = "NAME-GLOB")]
    pub(crate) name: String,
    /// Write the results as JUnit XML, too.
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
}

/// `routes`.
#[derive(Debug, Args)]
pub(crate) struct Routes {
    #[command(subcommand)]
    pub(crate) act: Option<RoutesAct>,
}

/// What to do with routes.
#[derive(Debug, Subcommand)]
pub(crate) enum RoutesAct {
    /// Every route and how it is.
    List,
    /// All about one route: keys, buckets, breaker, retry budget, overrides, last failures.
    Show(Show),
    /// Stop every call to the routes, probes included, until enabled or expired.
    Disable(Disable),
    /// End a disable, and try at once what was switched off.
    Enable(Enable),
    /// Treat the routes as down now: only probes call them, and bring them back.
    Trip(Trip),
    /// Forget what has failed on the routes, and call them again at once.
    Reset(Reset),
}

/// `routes show`.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// A glob over routes or calls, optionally with `@region`: `gpt`, `openai/*`, `*@us`.
    pub(crate) selector: String,
}

/// `routes disable`.
#[derive(Debug, Args)]
pub(crate) struct Disable {
    /// A glob over routes or calls, optionally with `@region`: `gpt`, `openai/*`, `*@us`.
    pub(crate) selector: String,
    #[command(flatten)]
    pub(crate) reason: Reason,
    /// When it ends by itself, such as `45m`; without it, when somebody enables it.
    #[arg(long = "for", value_name = "TIME")]
    pub(crate) span: Option<String>,
}

/// `routes enable`.
#[derive(Debug, Args)]
pub(crate) struct Enable {
    /// A glob over routes or calls, optionally with `@region`.
    pub(crate) selector: String,
    #[command(flatten)]
    pub(crate) reason: Reason,
}

/// `routes trip`.
#[derive(Debug, Args)]
pub(crate) struct Trip {
    /// A glob over routes or calls, optionally with `@region`: `gpt`, `openai/*`, `*@us`.
    pub(crate) selector: String,
    #[command(flatten)]
    pub(crate) reason: Reason,
}

/// `routes reset`.
#[derive(Debug, Args)]
pub(crate) struct Reset {
    /// A glob over routes or calls, optionally with `@region`.
    pub(crate) selector: String,
    #[command(flatten)]
    pub(crate) reason: Reason,
}

/// Why an operator acts.
#[derive(Debug, Args)]
pub(crate) struct Reason {
    /// Why; kept in the audit.
    #[arg(long)]
    pub(crate) reason: Option<String>,
}

/// `help`.
#[derive(Debug, Args)]
pub(crate) struct Help {
    /// A code, such as SB204, or a verb, such as `routes disable`; without one the list of codes.
    #[arg(value_name = "CODE|VERB")]
    pub(crate) topic: Vec<String>,
}

/// `completions`.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell.
    pub(crate) shell: clap_complete::Shell,
}

/// `man`.
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Write a page for each verb into this folder instead.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::{Cli, HELP};

    #[test]
    fn what_can_be_typed_has_no_contradiction() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_names_every_verb() {
        for verb in Cli::command().get_subcommands() {
            let name = verb.get_name();
            assert!(HELP.lines().any(|line| line.split_whitespace().any(|word| word == name)), "{name}");
        }
    }
}
