//! An allocator that counts bytes: takes every allocation of the process, gives the peak of an execution, and ends the
//! process, naming the input, before an input could exhaust the machine's memory.

#![allow(unsafe_code)] // the one place of this crate: a global allocator is unsafe by its signature

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Bytes that are allocated now, by all threads.
static LIVE: AtomicUsize = AtomicUsize::new(0);
/// Largest value of [`LIVE`] since the last [`restart`].
static PEAK: AtomicUsize = AtomicUsize::new(0);
/// Value of [`LIVE`] at which the process ends.
static FATAL: AtomicUsize = AtomicUsize::new(usize::MAX);

/// Above the peak at the beginning of an execution, in bytes: nothing legitimate comes near, and the machine has it.
const FATAL_ABOVE: usize = 1 << 30;

/// The system's allocator with counters.
struct CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Counts bytes that are about to be allocated.
fn add(bytes: usize) {
    let live = LIVE.fetch_add(bytes, Relaxed).saturating_add(bytes);
    PEAK.fetch_max(live, Relaxed);
    if live > FATAL.load(Relaxed) {
        // First, because the message below allocates too.
        FATAL.store(usize::MAX, Relaxed);
        crate::target::give_up(&format!("{bytes} bytes more than the {} already allocated", live - bytes));
    }
}

// SAFETY: every call goes to the system's allocator with unchanged arguments, which keeps the contract of
// `GlobalAlloc`; besides that, only atomic counters change, and `add` never unwinds: it returns or ends the process.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller keeps the rules of `alloc`, which are those of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller keeps the rules of `alloc_zeroed`, which are those of the system's allocator.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller keeps the rules of `dealloc`, and the pointer is one of the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        add(size.saturating_sub(layout.size()));
        LIVE.fetch_sub(layout.size().saturating_sub(size), Relaxed);
        // SAFETY: the caller keeps the rules of `realloc`, and the pointer is one of the system's allocator.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Begins a measurement; returns the bytes that are allocated now.
pub(crate) fn restart() -> usize {
    let live = LIVE.load(Relaxed);
    PEAK.store(live, Relaxed);
    FATAL.store(live.saturating_add(FATAL_ABOVE), Relaxed);
    live
}

/// Ends a measurement that began with `live` bytes; returns by how many bytes the peak was above them.
pub(crate) fn peak_above(live: usize) -> usize {
    FATAL.store(usize::MAX, Relaxed);
    PEAK.load(Relaxed).saturating_sub(live)
}
