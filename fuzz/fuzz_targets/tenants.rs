//! Whatever stands in a file of tenants: each that is taken from it has a schema of its own, or all that is wrong is said.
#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use tenantctl::db::SchemaName;
use tenantctl::tenant::Naming;
use tenantctl::tenant::batch::{Defaults, Format, read};

fuzz_target!(|text: &str| {
    let naming =
        Naming::new("tenant_", SchemaName::new("tenant_template").expect("a name")).expect("a prefix");
    let defaults = Defaults {
        plan: "basic".to_owned(),
        region: None,
        metadata: serde_json::json!({}),
    };
    for format in [Format::Csv, Format::Json, Format::Toml] {
        match read(text, format, &naming, &defaults) {
            Ok(tenants) => {
                let schemas: HashSet<&str> = tenants.iter().map(|tenant| tenant.schema.as_str()).collect();
                assert_eq!(schemas.len(), tenants.len());
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
});
