use std::sync::Mutex;
use std::time::Duration;

use laser_linalg::{Method, decompose};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use safetensors::{Dtype, tensor::TensorView};

use super::*;

fn random(m: usize, n: usize, seed: u64) -> Matrix {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    // Columns of very different size, so that the spectrum is as steep as that of a trained matrix.
    let values = (0..m * n).map(|i| random.random_range(-1.0f32..1.0) * 0.9f32.powi((i % n) as i32));
    Matrix::new(m, n, values.collect()).unwrap()
}

fn cache(folder: &Path, bound: u64) -> SvdCache {
    SvdCache::new(folder.join("svd"), bound, None, |problem| panic!("{problem}"))
}

fn exact(w: &Matrix) -> Svd {
    decompose(w.view(), Method::Auto, 1).unwrap()
}

/// Both factors in one file, as version 0.1 wrote it.
fn write_old(path: &Path, svd: &Svd) {
    let bytes = |m: &Matrix| m.data().iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let (u, vt) = (bytes(&svd.u), bytes(&svd.vt));
    let s: Vec<u8> = svd.s.iter().flat_map(|v| v.to_le_bytes()).collect();
    let shape = |m: &Matrix| vec![m.rows(), m.cols()];
    let views = [
        ("u", TensorView::new(Dtype::F32, shape(&svd.u), &u).unwrap()),
        ("s", TensorView::new(Dtype::F64, vec![svd.s.len()], &s).unwrap()),
        ("vt", TensorView::new(Dtype::F32, shape(&svd.vt), &vt).unwrap()),
    ];
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

#[test]
fn a_kept_decomposition_is_the_computed_one_to_the_bit_and_takes_half_the_room() {
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(dir.path(), u64::MAX);
    for (m, n, share) in [(96, 96, 0.75), (300, 80, 0.55), (80, 300, 0.55), (1, 5, 100.0), (7, 1, 100.0)] {
        let w = random(m, n, 5);
        let svd = exact(&w);
        assert_eq!(cache.read(&w, 1), None);
        cache.write(&w, &svd, 1);
        for threads in [1, 2, 3] {
            assert_eq!(cache.read(&w, threads), Some(svd.clone()), "{m} x {n} on {threads} threads");
        }
        let (bytes, both) = (fs::metadata(cache.path(&w)).unwrap().len(), 4 * m.min(n) * (m + n));
        assert!(bytes as f64 <= share * both as f64, "{m} x {n}: {bytes} of {both} bytes");
    }
    // Components of size 0, whose vectors do not follow from the matrix.
    let mut values = random(40, 20, 6).into_data();
    values.chunks_exact_mut(20).for_each(|row| row[5..].fill(0.0));
    let deficient = Matrix::new(40, 20, values).unwrap();
    cache.write(&deficient, &exact(&deficient), 1);
    assert_eq!(cache.read(&deficient, 1), Some(exact(&deficient)));
}

#[test]
fn files_of_earlier_versions_are_read_and_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(dir.path(), u64::MAX);
    let w = random(120, 40, 8);
    write_old(&cache.path(&w), &exact(&w));
    let old = fs::metadata(cache.path(&w)).unwrap().len();
    assert_eq!(cache.read(&w, 1), Some(exact(&w)));
    let new = fs::metadata(cache.path(&w)).unwrap().len();
    assert!(new < old / 2 + 1000, "{new} of {old} bytes");
    assert_eq!(cache.read(&w, 1), Some(exact(&w)));
}

#[test]
fn damaged_files_are_no_decompositions() {
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(dir.path(), u64::MAX);
    let w = random(30, 20, 9);
    cache.write(&w, &exact(&w), 1);
    let sound = fs::read(cache.path(&w)).unwrap();
    for at in (0..sound.len()).step_by(37) {
        let mut damaged = sound.clone();
        damaged[at] ^= 0x10;
        fs::write(cache.path(&w), damaged).unwrap();
        // Only singular values are not covered by the hash in every bit.
        if let Some(read) = cache.read(&w, 1) {
            assert!(read.u == exact(&w).u && read.vt == exact(&w).vt, "a flip at {at} changed vectors");
        }
    }
    fs::write(cache.path(&w), &sound[..sound.len() / 2]).unwrap();
    assert_eq!(cache.read(&w, 1), None);
}

#[test]
fn the_least_recently_used_ones_go_first() {
    let dir = tempfile::tempdir().unwrap();
    let all: Vec<Matrix> = (0..4).map(|i| random(60, 60, 20 + i)).collect();
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    let roomy = cache(dir.path(), u64::MAX);
    for (w, i) in all[..3].iter().zip(0..) {
        roomy.write(w, &exact(w), 1);
        let file = File::options().write(true).open(roomy.path(w)).unwrap();
        file.set_modified(start + Duration::from_secs(i)).unwrap();
    }
    let one = fs::metadata(roomy.path(&all[0])).unwrap().len();
    // The first one is used again, so that the second is the oldest.
    let bounded = SvdCache { now: Some(start + Duration::from_secs(9)), bound: 3 * one + one / 2, ..roomy.clone() };
    assert!(bounded.read(&all[0], 1).is_some());
    bounded.write(&all[3], &exact(&all[3]), 1);
    let kept: Vec<bool> = all.iter().map(|w| bounded.path(w).exists()).collect();
    assert_eq!(kept, [true, false, true, true]);
    // One that is larger than the bound is not kept, and removes nothing.
    let narrow = SvdCache { bound: one / 2, ..bounded };
    narrow.write(&all[1], &exact(&all[1]), 1);
    assert!(!narrow.path(&all[1]).exists() && narrow.path(&all[0]).exists());
}

#[test]
fn a_folder_that_cannot_be_written_to_is_reported_once() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("svd"), b"a file in its place").unwrap();
    let said = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&said);
    let warn = move |text: &str| heard.lock().unwrap().push(text.to_owned());
    let cache = SvdCache::new(dir.path().join("svd"), u64::MAX, None, warn);
    for seed in 0..3 {
        let w = random(6, 4, seed);
        cache.write(&w, &exact(&w), 1);
    }
    let said = said.lock().unwrap();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("svd") && said[0].contains("computed again"), "{said:?}");
}
