//! A web service whose tenants are told apart by the host name of a request.
//!
//! ```console
//! $ export DATABASE_URL=postgresql://app@localhost/metrics
//! $ tenantctl init && tenantctl create acme --domain acme.example
//! $ cargo run --example web -- 127.0.0.1:8080 &
//! $ curl -H 'Host: acme.example' http://127.0.0.1:8080/users
//! 0 users in tenant_acme
//! ```

use axum::Router;
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tenantctl::client::{Client, ClientError, Options};
use tenantctl::tenant::Tenant;

/// The tenant whose host was asked for. A handler that takes it runs for no other.
struct Here(Tenant);

impl FromRequestParts<Client> for Here {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, tenants: &Client) -> Result<Self, Failure> {
        let host = parts
            .headers
            .get(HOST)
            .and_then(|host| host.to_str().ok())
            .unwrap_or_default();
        Ok(Self(tenants.by_domain(host).await?))
    }
}

/// What went wrong, as an answer that tells strangers nothing.
struct Failure(anyhow::Error);

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = match self.0.downcast_ref() {
            Some(ClientError::NoSuchDomain(_) | ClientError::Domain(_) | ClientError::Suspended(_)) => {
                StatusCode::NOT_FOUND
            }
            Some(ClientError::Session(_)) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        tracing::warn!("{status}: {:#}", self.0);
        (status, format!("{status}\n")).into_response()
    }
}

async fn users(State(tenants): State<Client>, Here(tenant): Here) -> Result<String, Failure> {
    let count: i64 = tenants
        .read(&tenant, async |tx| {
            Ok(tx.query("SELECT count(*) FROM users", &[]).await?[0].get(0))
        })
        .await?;
    Ok(format!("{count} users in {}\n", tenant.schema))
}

async fn health(State(tenants): State<Client>) -> Result<String, Failure> {
    let health = tenants.health().await?;
    let pool = health.pool;
    Ok(format!(
        "{} tenants, answered in {} ms, {} of {} connections open\n",
        health.tenants,
        health.latency.as_millis(),
        pool.open,
        pool.max
    ))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let service = Router::new()
        .route("/users", get(users))
        .route("/health", get(health))
        .with_state(Client::from_env(Options::default())?);
    let listener = tokio::net::TcpListener::bind(address).await?;
    // Port 0 asks for any that is free.
    #[expect(clippy::print_stdout, reason = "this is how a caller learns the port")]
    {
        println!("listening on http://{}", listener.local_addr()?);
    }
    axum::serve(listener, service).await?;
    Ok(())
}
