//! The engine of `cargo test`: takes a number of executions, runs the same ones every time.

use bolero::generator::bolero_generator::driver::Options;
use bolero::{Engine, Test};

/// Random bytes from which one input is made.
const BYTES: usize = 2048;

/// An engine with a fixed seed, whose executions are the same on every machine.
pub(crate) struct FewExecutions {
    pub(crate) executions: usize,
}

impl<T: Test> Engine<T> for FewExecutions
where
    T::Value: std::fmt::Debug,
{
    type Output = ();

    fn run(self, mut test: T, options: Options) {
        let mut bytes = vec![0; BYTES];
        for execution in 0..self.executions {
            fill(&mut bytes, execution as u64);
            let failed = test.test(&mut bytes.as_slice()).err();
            if let Some(error) = failed {
                match test.shrink(bytes.clone(), None, &options) {
                    Some(smaller) => panic!("execution {execution}: {smaller}"),
                    None => panic!("execution {execution}: {error}"),
                }
            }
        }
    }
}

/// Fills `bytes` with the random numbers of one execution (SplitMix64).
fn fill(bytes: &mut [u8], execution: u64) {
    let mut state = execution.wrapping_mul(0xd134_2543_de82_ef95);
    for chunk in bytes.chunks_mut(8) {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
    }
}
