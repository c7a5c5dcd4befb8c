use super::*;

fn own() -> OwnName {
    OwnName::new("tenant_template", HashSet::new())
}

fn body(sql: &str) -> Rewritten {
    own().rewrite_sql(sql, Place::Body)
}

fn shown(sql: &str) -> String {
    body(sql).text.replace(OWN, "OWN").replace(OWN_AS_DATA, "OWN")
}

#[test]
fn qualified_names_become_the_copys() {
    assert_eq!(
        shown("select * from tenant_template.users"),
        "select * from OWN.users"
    );
    assert_eq!(
        shown("select \"tenant_template\".f(a.tenant_template.b)"),
        "select OWN.f(a.tenant_template.b)"
    );
    assert_eq!(shown("select Tenant_Template.f()"), "select OWN.f()");
    assert_eq!(
        shown("perform nextval('tenant_template.s')"),
        "perform nextval('OWN.s')"
    );
    assert_eq!(
        shown("select 'tenant_template.t'::regclass"),
        "select 'OWN.t'::regclass"
    );
    assert_eq!(
        shown("execute 'drop table tenant_template.t'"),
        "execute 'drop table OWN.t'"
    );
    assert_eq!(
        shown("EXECUTE format('select tenant_template.%I()', f)"),
        "EXECUTE format('select OWN.%I()', f)"
    );
    assert_eq!(
        shown("-- see tenant_template.users\nnull"),
        "-- see OWN.users\nnull"
    );
    assert_eq!(
        shown("set local search_path = tenant_template, public"),
        "set local search_path = OWN, public"
    );
}

#[test]
fn a_constant_that_is_compared_with_the_names_of_schemas_becomes_the_copys() {
    for (text, expected) in [
        (
            "if current_schema() = 'tenant_template' then",
            "if current_schema() = 'OWN' then",
        ),
        (
            "(n.nspname = 'tenant_template'::name)",
            "(n.nspname = 'OWN'::name)",
        ),
        (
            "((t.table_schema)::text <> 'tenant_template'::text)",
            "((t.table_schema)::text <> 'OWN'::text)",
        ),
    ] {
        assert_eq!(shown(text), expected);
        assert_eq!(
            own()
                .deparsed(text)
                .text
                .replace(OWN, "OWN")
                .replace(OWN_AS_DATA, "OWN"),
            expected
        );
    }
}

#[test]
fn columns_of_a_relation_with_the_schemas_name_are_not_its_objects() {
    let mut own = own();
    let objects = [("users", true), ("tenant_template", true)];
    assert_eq!(own.learn(objects.into_iter()), [""; 0]);
    for (text, expected) in [
        (
            "SELECT tenant_template.id FROM tenant_template",
            "SELECT tenant_template.id FROM tenant_template",
        ),
        (
            "SELECT tenant_template.users FROM tenant_template.users u",
            "SELECT tenant_template.users FROM OWN.users u",
        ),
        (
            "a IS DISTINCT FROM tenant_template.users",
            "a IS DISTINCT FROM tenant_template.users",
        ),
        (
            "tenant_template.f(tenant_template.id)",
            "OWN.f(tenant_template.id)",
        ),
        ("OWNED BY tenant_template.id", "OWNED BY tenant_template.id"),
        (
            "COLUMN tenant_template.tenant_template.id",
            "COLUMN OWN.tenant_template.id",
        ),
    ] {
        let result = own.deparsed(text);
        assert_eq!(
            result.text.replace(OWN, "OWN").replace(OWN_AS_DATA, "OWN"),
            expected
        );
        assert!(!result.is_data);
    }
}

#[test]
fn longer_names_are_other_names() {
    let text = "select tenant_template_old.f(), my_tenant_template.g(), 'a tenant_templates b'";
    assert_eq!(body(text).text, text);
    assert_eq!(body(text).unclear, Vec::<String>::new());
}

#[test]
fn a_string_that_may_mean_anything_is_unclear_and_left_as_it_is() {
    for text in [
        "raise notice 'see tenant_template.users'",
        "if current_database() = 'tenant_template' then",
        "create table x in tenant_template",
    ] {
        let result = body(text);
        assert_eq!(result.text, text);
        assert_eq!(result.unclear.len(), 1, "{result:?}");
    }
}

#[test]
fn other_languages_are_not_read() {
    let text = "CREATE FUNCTION f() AS $x$a tenant_template.t$x$";
    let result = own().function(text, Some("a tenant_template.t"), "plpython3u");
    assert_eq!((result.replaced, result.unclear.len()), (0, 1));
}

#[test]
fn settings_of_a_function_are_rewritten() {
    let text = "CREATE FUNCTION f() SET search_path TO 'tenant_template', 'public' AS $$select 1$$";
    let result = own().function(text, Some("select 1"), "sql");
    assert_eq!(
        result.text.replace(OWN, "OWN").replace(OWN_AS_DATA, "OWN"),
        "CREATE FUNCTION f() SET search_path TO 'OWN', 'public' AS $$select 1$$"
    );
}

#[test]
fn what_an_extension_keeps_in_the_schema_stays_there() {
    let own = OwnName::new("tenant_template", ["similarity", "%"].map(str::to_owned).into());
    let text = "SELECT tenant_template.similarity(a, b) OPERATOR(tenant_template.%) tenant_template.own(c)";
    assert_eq!(
        own.deparsed(text)
            .text
            .replace(OWN, "OWN")
            .replace(OWN_AS_DATA, "OWN"),
        "SELECT tenant_template.similarity(a, b) OPERATOR(tenant_template.%) OWN.own(c)"
    );
}

#[test]
fn comments_keep_the_bare_word() {
    let result = own().prose("rows of tenant_template.users, as in tenant_template.");
    assert_eq!(
        result.text.replace(OWN, "OWN").replace(OWN_AS_DATA, "OWN"),
        "rows of OWN.users, as in tenant_template."
    );
    assert_eq!(result.replaced, 1);
}
