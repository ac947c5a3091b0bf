//! The real binary under kills, full disks and company: whatever ends it, searches and trainings resume to the same bytes,
//! and every other output is whole or absent.
//!
//! The environment variable `LASER_KILLS` is the number of kills of each kind of work (8 by default); 75 make 450 of the
//! six kinds together. Moments are drawn from `LASER_KILL_SEED` (0 by default).
#![cfg(unix)]

#[allow(dead_code)] // shared with the other tests
#[path = "support/bench.rs"]
mod bench;
#[allow(dead_code)] // shared with the other tests
#[path = "support/checkpoint.rs"]
mod checkpoint;
#[allow(dead_code)] // shared with the other tests
#[path = "support/items.rs"]
mod items;

#[path = "kill/fetch.rs"]
mod fetch;
#[path = "kill/full_disk.rs"]
mod full_disk;
#[path = "support/hub_server.rs"]
mod hub_server;
#[path = "kill/moments.rs"]
mod moments;
#[path = "kill/outputs.rs"]
mod outputs;
#[path = "kill/search.rs"]
mod search;
#[path = "kill/slurm.rs"]
mod slurm;
#[path = "kill/snapshot.rs"]
mod snapshot;
#[path = "kill/training.rs"]
mod training;
#[path = "kill/two_processes.rs"]
mod two_processes;
#[path = "kill/wheel.rs"]
mod wheel;
#[path = "kill/workers.rs"]
mod workers;
