//! Places between the steps of a delivery where a test build can kill itself. With `INLET_FAILPOINT=deliver.sent:3` the
//! process sends itself SIGKILL when it passes `deliver.sent` for the third time. Without the feature `failpoints` the
//! calls are empty, and a release build refuses the feature.

#[cfg(all(feature = "failpoints", not(debug_assertions)))]
compile_error!("the feature `failpoints` is for test builds only");

/// Does nothing in this build.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub(crate) fn pass(_name: &'static str) {}

/// Passes the failpoint `name`, or kills the process there.
#[cfg(feature = "failpoints")]
pub(crate) fn pass(name: &'static str) {
    use std::sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    };

    static WANTED: LazyLock<Option<(String, u32)>> = LazyLock::new(|| {
        let told = std::env::var("INLET_FAILPOINT").ok()?;
        let (name, passes) = told.split_once(':')?;
        Some((name.to_owned(), passes.parse().ok()?))
    });
    static PASSED: AtomicU32 = AtomicU32::new(0);

    if let Some((wanted, passes)) = WANTED.as_ref()
        && wanted == name
        && PASSED.fetch_add(1, Ordering::AcqRel) + 1 == *passes
    {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::this(), nix::sys::signal::Signal::SIGKILL);
        loop {
            std::thread::park();
        }
    }
}
