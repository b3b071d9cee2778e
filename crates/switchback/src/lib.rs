//! Switchback, embedded: the gateway and its engine behind one name.
//!
//! ```no_run
//! # async fn embedded() -> Result<(), Box<dyn std::error::Error>> {
//! use switchback::gateway::{ConfigFile, Gateway, Start};
//!
//! let file = ConfigFile::at("switchback.toml");
//! let loaded = file.load()?;
//! let config = loaded.compiled.config.ok_or("the configuration has errors; `switchback check` shows them")?;
//! let gateway = Gateway::start(Start { config, file: Some(file), named: loaded.compiled.files, simulated: false }).await?;
//! println!("applications: http://{}/v1", gateway.listen());
//! gateway.drain().await;
//! # Ok(())
//! # }
//! ```

pub use switchback_config as config;
pub use switchback_contract as contract;
pub use switchback_core as engine;
pub use switchback_gateway as gateway;
pub use switchback_sim as sim;
pub use switchback_store as store;
pub use switchback_wire as wire;
