//! `plan`: what would happen to the next request: from the configuration alone, with every route healthy but for what
//! `--if` says, or with `--live` from what a running gateway knows. No call is made.

use std::sync::Arc;

use switchback_config::{Supposed, Unsupposed};
use switchback_core::health::Health;
use switchback_core::rehearse::{Forecast, forecast};
use switchback_core::time::Now;

use crate::admin::{Admin, encoded};
use crate::cli::{self, Cli};
use crate::exit::Exit;
use crate::say;
use crate::verb::test::offline;

pub(crate) async fn run(cli: &Cli, asked: &cli::Plan) -> Exit {
    let planned = if asked.live { live(cli, asked).await } else { from_file(cli, asked) };
    match planned {
        Ok(forecast) if cli.json => say::data(&serde_json::to_string_pretty(&forecast).unwrap_or_default()),
        Ok(forecast) => {
            print(&forecast);
            if !cli.quiet && !asked.live {
                let file = cli.config.display();
                say::talk(&format!("from {file} alone: every route is taken as healthy; --live asks the gateway"));
            }
        }
        Err(exit) => return exit,
    }
    Exit::Fine
}

fn from_file(cli: &Cli, asked: &cli::Plan) -> Result<Forecast, Exit> {
    let policy = Arc::new(offline(cli)?.policy);
    let supposed = Supposed {
        task: &asked.task,
        surface: asked.surface.as_deref(),
        segment: asked.segment.as_deref(),
        tokens: asked.tokens,
    };
    let hypotheses = asked.hypotheses.iter().map(String::as_str);
    let scenario = supposed.scenario(&policy, hypotheses).map_err(|refused| {
        let (why, exit) = match refused {
            Unsupposed::Unknown(why) => (why, Exit::NotFound),
            Unsupposed::Wrong(why) => (why, Exit::Usage),
        };
        say::talk(&why);
        exit
    })?;
    forecast(&policy, &scenario, &Health::new(&policy), Now::ZERO).ok_or(Exit::NotFound)
}

async fn live(cli: &Cli, asked: &cli::Plan) -> Result<Forecast, Exit> {
    let mut path = format!("/admin/v1/plan?task={}&tokens={}", encoded(&asked.task), asked.tokens);
    let hypotheses = (!asked.hypotheses.is_empty()).then(|| asked.hypotheses.join(";"));
    for (key, value) in [("surface", &asked.surface), ("segment", &asked.segment), ("if", &hypotheses)] {
        if let Some(value) = value {
            path.push_str(&format!("&{key}={}", encoded(value)));
        }
    }
    let answer = Admin::new(cli)?.get(&path).await?;
    answer.read().map_err(|exit| if answer.status == 422 { Exit::Usage } else { exit })
}

fn print(forecast: &Forecast) {
    let label = |kind: &str, name: &str| if kind == name { kind.to_owned() } else { format!("{kind} {name}") };
    let labels: Vec<String> = forecast.rungs.iter().map(|it| label(&it.kind, &it.name)).collect();
    let wide = labels.iter().map(|it| it.chars().count()).max().unwrap_or(0);
    for (rung, label) in forecast.rungs.iter().zip(&labels) {
        let verdict = match &*rung.verdict {
            "serves" if &*rung.kind == "fail" => "← would end it",
            "serves" => "← would serve",
            "skipped" => "– skipped",
            _ => "  if needed",
        };
        say::data(&format!("{:>2} {label:wide$}  {verdict:14}  {}", rung.rung, rung.reason));
    }
    say::data(&format!("Outcome for users: {}.", forecast.outcome));
}
