//! Names from outside: what is taken for one can be written and read again, and an address never shows its password.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tenantctl::db::conn::{ConnectTarget, Env};
use tenantctl::db::{RoleName, SchemaName};
use tenantctl::tenant::{Domain, Naming, Slug};

fuzz_target!(|text: &str| {
    if let Ok(slug) = text.parse::<Slug>() {
        assert_eq!(slug.to_string(), text);
        let naming =
            Naming::new("tenant_", SchemaName::new("tenant_template").expect("a name")).expect("a prefix");
        if let Ok(schema) = naming.schema_for(&slug) {
            assert!(schema.as_str().len() <= 63);
        }
    }
    if let Ok(domain) = text.parse::<Domain>() {
        assert_eq!(domain.to_string().parse::<Domain>(), Ok(domain));
    }
    if let Ok(schema) = SchemaName::new(text) {
        let quoted = schema.quoted().to_string();
        assert_eq!(quoted[1..quoted.len() - 1].replace("\"\"", "\""), text);
    }
    let _ = RoleName::new(text);
    let nothing = |_: &str| None;
    let env = Env::new(&nothing);
    match ConnectTarget::resolve(Some(text), &env, None) {
        Ok(target) => {
            let _ = format!("{target:?} {target}");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
