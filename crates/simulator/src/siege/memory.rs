//! Watches the resident memory of processes.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// The pause between two samples.
const LOOK: Duration = Duration::from_millis(20);

/// Watches some processes until it is dropped.
#[derive(Debug)]
pub struct Memory {
    pids: Vec<u32>,
    /// Processes whose high-water mark the kernel reset at [`Memory::begin`].
    marked: Vec<u32>,
    most_kib: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
}

impl Memory {
    /// Begins to watch.
    #[must_use]
    pub fn watch(pids: Vec<u32>) -> Self {
        let (most_kib, is_over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (watched, most, over) = (pids.clone(), Arc::clone(&most_kib), Arc::clone(&is_over));
        thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                let now = watched.iter().filter_map(|pid| told(*pid, "VmRSS:")).max();
                most.fetch_max(now.unwrap_or(0), Ordering::Relaxed);
                thread::sleep(LOOK);
            }
        });
        Self { pids, marked: Vec::new(), most_kib, is_over }
    }

    /// Resets the marks.
    pub fn begin(&mut self) {
        let set_back = |pid: &u32| fs::write(format!("/proc/{pid}/clear_refs"), "5").is_ok();
        self.marked = self.pids.iter().copied().filter(set_back).collect();
        self.most_kib.store(0, Ordering::Relaxed);
    }

    /// The most resident memory of one process since [`Memory::begin`], in MiB.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "no process has so much memory")]
    pub fn most_mib(&self) -> f64 {
        let marks = self.marked.iter().filter_map(|pid| told(*pid, "VmHWM:")).max();
        let seen = self.most_kib.load(Ordering::Relaxed);
        seen.max(marks.unwrap_or(0)) as f64 / 1_024.0
    }
}

/// Resolves when one of the processes has more than `mib` MiB.
pub async fn beyond(pids: &[u32], mib: u64) {
    let is_beyond = |pid: &u32| told(*pid, "VmRSS:").is_some_and(|kib| kib > mib << 10);
    while !pids.iter().any(is_beyond) {
        tokio::time::sleep(LOOK).await;
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

/// A value of `/proc/<pid>/status`, in KiB.
fn told(pid: u32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_had_is_seen_and_forgotten() {
        let mut memory = Memory::watch(vec![std::process::id()]);
        memory.begin();
        let much = std::hint::black_box(vec![1_u8; 200 << 20]);
        let with = memory.most_mib();
        drop(much);
        assert!(with > 200.0, "{with}");
        memory.begin();
        if !memory.marked.is_empty() {
            assert!(memory.most_mib() < with);
        }
    }
}
