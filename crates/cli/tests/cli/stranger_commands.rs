//! Commands that strangers type: `tests/strangers/commands.yaml`, line by line.

use serde::Deserialize;

use crate::bench::Bench;
use crate::items;

/// A command line with what must come of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    run: String,
    #[serde(default)]
    code: i32,
    #[serde(default)]
    stdout: Vec<String>,
    #[serde(default)]
    stderr: Vec<String>,
    #[serde(default)]
    not: Vec<String>,
}

#[test]
fn commands_do_what_strangers_expect() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/strangers/commands.yaml");
    let typed: Vec<Typed> = serde_yaml_ng::from_str(&std::fs::read_to_string(path).expect(path)).expect(path);
    let bench = Bench::new();
    items::open(&bench, 60);
    bench.write(
        "run.yaml",
        "model: model\ntask: open.jsonl\nscore: top1\nlayers: 1\nmatrices: [gate, up]\nrho: [50%, 10%]\n\
         no-side-effects: true\nout: of_file\n",
    );
    for Typed { run, code, stdout, stderr, not } in typed {
        let ran = bench.run(&run);
        assert_eq!(ran.status.code(), Some(code), "laser {run}\n{ran:?}");
        for text in &stdout {
            assert!(ran.stdout.contains(text), "laser {run}\nstdout lacks {text:?}\n{ran:?}");
        }
        for text in &stderr {
            assert!(ran.stderr.contains(text), "laser {run}\nstderr lacks {text:?}\n{ran:?}");
        }
        for text in &not {
            assert!(!ran.stdout.contains(text) && !ran.stderr.contains(text), "laser {run}\nhas {text:?}\n{ran:?}");
        }
    }
}
