//! Teams on one machine: every part is computed once, by whoever is there; dead members lose their claims; damaged results
//! are named.

use std::fs::File;
use std::sync::atomic::AtomicUsize;

use laser_model::parallel::Unobserved;

use super::*;

/// Squares of numbers, with a count of those computed here.
struct Squares<'a> {
    values: Vec<Option<f64>>,
    computed: &'a AtomicUsize,
    /// Fails at this part.
    fails_at: Option<usize>,
}

impl<'a> Squares<'a> {
    fn new(parts: usize, computed: &'a AtomicUsize) -> Self {
        Self { values: vec![None; parts], computed, fails_at: None }
    }

    fn all(&self) -> Vec<f64> {
        self.values.iter().map(|value| value.expect("a value")).collect()
    }
}

impl SharedWork for Squares<'_> {
    type Part = f64;

    fn name(&self) -> String {
        "squares".to_owned()
    }

    fn parts(&self) -> usize {
        self.values.len()
    }

    fn compute(&mut self, parts: &[usize]) -> Result<()> {
        for part in parts {
            if self.fails_at == Some(*part) {
                return Err(Error::setting("part", "it fails"));
            }
            std::thread::sleep(Duration::from_millis(5));
            self.computed.fetch_add(1, Ordering::Relaxed);
            // What JSON could not carry.
            self.values[*part] = Some(if *part == 0 { f64::NEG_INFINITY } else { (*part as f64).powi(2) + 0.1 });
        }
        Ok(())
    }

    fn result(&self, part: usize) -> Result<f64> {
        Ok(self.values[part].expect("computed here"))
    }

    fn receive(&mut self, part: usize, result: f64) -> Result<()> {
        self.values[part] = Some(result);
        Ok(())
    }
}

fn member(name: &str, lease: Duration) -> Member {
    Member { name: name.to_owned(), expected: 2, lease, closing: Arc::default() }
}

fn join(folder: &Path, member: Member) -> Result<Team> {
    Team::join(folder, folder.join("results.json"), member)
}

const LONG: Duration = Duration::from_secs(600);

#[test]
fn members_compute_each_part_once_and_all_have_all_results() {
    let alone = AtomicUsize::new(0);
    let mut whole = Squares::new(40, &alone);
    Team::ALONE.share(&mut whole, &Unobserved).expect("computes");

    let folder = tempfile::tempdir().expect("folder");
    let computed = AtomicUsize::new(0);
    let work = |name: &'static str| {
        let team = join(folder.path(), member(name, LONG)).expect("joins");
        let mut work = Squares::new(40, &computed);
        team.share(&mut work, &Unobserved).expect("computes");
        work.all()
    };
    let results: Vec<Vec<f64>> = std::thread::scope(|scope| {
        let members = ["a", "b", "c"].map(|name| scope.spawn(move || work(name)));
        members.into_iter().map(|member| member.join().expect("no panic")).collect()
    });
    assert!(results.iter().all(|result| *result == whole.all()), "{results:?}");
    assert_eq!(computed.load(Ordering::Relaxed), 40, "no part twice");
    assert!(Team::is_of(folder.path()));
    Team::remove(folder.path()).expect("removes");
    assert!(!Team::is_of(folder.path()));
}

#[test]
fn the_claims_of_dead_members_run_out_and_those_of_living_ones_do_not() {
    let folder = tempfile::tempdir().expect("folder");
    let (file, lease) = (folder.path().join("0.claim"), Duration::from_millis(300));
    let [living, other] = ["living", "other"].map(|name| Claims::new(name, lease));
    assert!(living.claim(&file).expect("claims"));
    std::thread::sleep(lease * 3);
    assert!(!other.claim(&file).expect("looks"), "the heartbeat keeps it");
    drop(living);
    assert!(other.claim(&file).expect("claims"), "given back at the end");
    other.release(&file);

    // Killed: nobody writes to the claim, and nobody removes it.
    let dead = File::create(&file).expect("creates");
    let old = dead.metadata().and_then(|file| file.modified()).expect("a time") - lease * 2;
    dead.set_modified(old).expect("sets");
    assert!(other.claim(&file).expect("claims"));
    assert_eq!(std::fs::read_to_string(&file).expect("reads"), "other");
    assert_eq!(std::fs::read_dir(folder.path()).expect("reads").count(), 1, "nothing is left aside");
}

#[test]
fn a_failed_part_is_free_at_once_and_a_closing_member_takes_none() {
    let folder = tempfile::tempdir().expect("folder");
    let computed = AtomicUsize::new(0);
    let failing = join(folder.path(), member("failing", LONG)).expect("joins");
    let mut work = Squares { fails_at: Some(3), ..Squares::new(4, &computed) };
    assert!(failing.share(&mut work, &Unobserved).expect_err("fails").to_string().contains("it fails"));
    let closing = join(folder.path(), member("closing", LONG)).expect("joins");
    closing.shared.as_ref().expect("shared").member.closing.store(true, Ordering::Relaxed);
    let error = closing.share(&mut Squares::new(4, &computed), &Unobserved).expect_err("closing");
    assert!(matches!(error, Error::Interrupted));
    let before = computed.load(Ordering::Relaxed);
    let third = join(folder.path(), member("third", LONG)).expect("joins");
    let mut work = Squares::new(4, &computed);
    third.share(&mut work, &Unobserved).expect("computes what is left");
    assert_eq!((before, computed.load(Ordering::Relaxed)), (3, 4));
    assert_eq!(third.contribution().parts, 1);
    assert_eq!(work.all()[0], f64::NEG_INFINITY);
}

#[test]
fn a_damaged_result_is_named() {
    let folder = tempfile::tempdir().expect("folder");
    let computed = AtomicUsize::new(0);
    let team = join(folder.path(), member("a", LONG)).expect("joins");
    team.share(&mut Squares::new(2, &computed), &Unobserved).expect("computes");
    let files = PartFiles::open(&folder.path().join(FOLDER), "squares").expect("opens");
    let path = files.claim(1).with_extension("part");
    let whole = std::fs::read(&path).expect("reads");
    for bytes in [&b""[..], &whole[..whole.len() - 1], &[7; 40]] {
        std::fs::write(&path, bytes).expect("writes");
        let error = team.share(&mut Squares::new(2, &computed), &Unobserved).expect_err("damaged").to_string();
        assert!(error.contains("1.part") && error.contains("remove the file"), "{error}");
    }
    std::fs::remove_file(&path).expect("removes");
    team.share(&mut Squares::new(2, &computed), &Unobserved).expect("computes it anew");
}

#[test]
fn one_member_finishes_and_the_others_see_that_it_did() {
    let folder = tempfile::tempdir().expect("folder");
    let finishers = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for name in ["a", "b", "c"] {
            let (finishers, folder) = (&finishers, &folder);
            scope.spawn(move || {
                let team = join(folder.path(), member(name, LONG)).expect("joins");
                if team.finishes(&Unobserved).expect("waits") {
                    finishers.fetch_add(1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(30));
                    std::fs::write(folder.path().join("results.json"), "{}").expect("writes");
                }
            });
        }
    });
    assert_eq!(finishers.load(Ordering::SeqCst), 1);
}
