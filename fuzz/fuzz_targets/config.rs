//! Whatever stands in a configuration file, it becomes settings or an error that can be printed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tenantctl::config::{Environment, Settings, policies_of};

fuzz_target!(|text: &str| {
    match Settings::from_text(text, &Environment::default()) {
        Ok(settings) => assert!(settings.fleet.jobs > 0),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let _ = policies_of(text);
});
