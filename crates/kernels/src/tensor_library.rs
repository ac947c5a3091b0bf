//! Settings of the tensor library that it takes from the environment alone.

#![allow(unsafe_code)] // changes the environment

/// Variable from which the tensor library takes the number of threads of one operation.
const THREADS: &str = "CANDLE_NUM_THREADS";

/// Makes the tensor library compute each of its operations in the calling thread, instead of in one pool of threads that
/// all callers share and wait for: batches run side by side already, so that the pool only makes them wait for one
/// another. Must be called before the first operation, and does nothing in a process that has further threads already or
/// where their number is unknown. Returns whether it took effect.
pub fn compute_in_calling_thread() -> bool {
    if std::env::var_os(THREADS).is_some() || !has_one_thread() {
        return false;
    }
    // SAFETY: the process has no other thread that could read or write the environment at the same time.
    unsafe { std::env::set_var(THREADS, "1") };
    true
}

/// Tells whether the calling thread is the only one of the process.
fn has_one_thread() -> bool {
    // Each thread of a process is a folder there; other systems than Linux have no such folder.
    std::fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.count() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_further_threads_is_left_alone() {
        // The harness itself runs tests on threads beside the main one.
        assert!(!has_one_thread() && !compute_in_calling_thread());
    }
}
