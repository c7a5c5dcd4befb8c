//! Tenants for demo data.

use serde_json::json;

use crate::tenant::{Naming, NamingError, NewTenant, Slug};

/// How many there are where no list says otherwise.
const USUAL: usize = 3;
/// The plans where no list names any.
const PLANS: [&str; 3] = ["basic", "pro", "enterprise"];

/// So many demo tenants: those of the list, and after its end `demo-4`, `demo-5` and so on, with the list's plans one
/// after the other.
pub fn demo_tenants(
    mut list: Vec<NewTenant>,
    count: Option<usize>,
    naming: &Naming,
) -> Result<Vec<NewTenant>, NamingError> {
    let listed: Vec<String> = list.iter().map(|tenant| tenant.plan.clone()).collect();
    let plans = match listed.is_empty() {
        true => PLANS.map(str::to_owned).to_vec(),
        false => listed,
    };
    let usual = if list.is_empty() { USUAL } else { list.len() };
    let count = count.unwrap_or(usual);
    list.truncate(count);
    for number in list.len() + 1.. {
        if list.len() == count {
            break;
        }
        let name = format!("demo-{number}");
        let Ok(slug) = name.parse::<Slug>() else { continue };
        if list.iter().any(|tenant| tenant.slug == slug) {
            continue;
        }
        list.push(NewTenant {
            schema: naming.schema_for(&slug)?,
            role: naming.role_for(&slug)?,
            slug,
            name: format!("Demo {number}"),
            domain: format!("{name}.example").parse().ok(),
            plan: plans[(number - 1) % plans.len()].clone(),
            region: None,
            metadata: json!({ "demo": true }),
        });
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::SchemaName;

    fn naming() -> Naming {
        Naming::new("tenant_", SchemaName::new("tenant_template").expect("a name")).expect("a prefix")
    }

    fn shown(tenants: &[NewTenant]) -> String {
        let shown = tenants
            .iter()
            .map(|tenant| format!("{} {}", tenant.slug, tenant.plan));
        shown.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn a_list_is_cut_or_goes_on() {
        let list = demo_tenants(Vec::new(), None, &naming()).expect("tenants");
        assert_eq!(shown(&list), "demo-1 basic, demo-2 pro, demo-3 enterprise");
        let more = demo_tenants(list.clone(), Some(5), &naming()).expect("tenants");
        assert_eq!(shown(&more[3..]), "demo-4 basic, demo-5 pro");
        let fewer = demo_tenants(list, Some(1), &naming()).expect("tenants");
        assert_eq!(shown(&fewer), "demo-1 basic");
        let list = demo_tenants(Vec::new(), Some(4), &naming()).expect("tenants");
        let more = demo_tenants(list[3..].to_vec(), Some(4), &naming()).expect("tenants");
        assert_eq!(
            shown(&more),
            "demo-4 basic, demo-2 basic, demo-3 basic, demo-5 basic"
        );
    }
}
