//! The description of the API, made from the routes themselves.

use api::{ExportFormat, LiveEvent, Problem};
use utoipa::OpenApi;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    ContentBuilder, HttpMethod, OpenApi as Document, Ref, RefOr, Response, ResponseBuilder,
};

use crate::access::SESSION_COOKIE;
use crate::access::policy::{self, Required};
use crate::routes;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Lockstep",
        description = "Keeps security findings and Azure Boards in step. Errors are problem details (RFC 9457). \
            Lists are paged by an opaque cursor. Times are RFC 3339 in UTC. A request that changes something with the \
            cookie of a session carries the header `X-Lockstep: 1`."
    ),
    components(schemas(ExportFormat, LiveEvent, Problem))
)]
struct Base;

/// The OpenAPI 3.1 document of all routes.
pub fn document() -> Document {
    complete(routes::all().into_openapi())
}

/// The OpenAPI document as it is committed in `crates/server/openapi.json`.
///
/// # Panics
/// Never: the document consists of strings, numbers and lists.
pub fn text() -> String {
    let mut text = document().to_pretty_json().expect("the document has string keys");
    text.push('\n');
    text
}

/// Adds what all routes have in common: how errors look, how a caller signs in, and which role it needs.
pub(crate) fn complete(routes: Document) -> Document {
    let mut document = Base::openapi();
    document.merge(routes);
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(
        "token",
        SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()),
    );
    components.add_security_scheme(
        "session",
        SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(SESSION_COOKIE))),
    );
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in [
            (HttpMethod::Get, &mut item.get),
            (HttpMethod::Post, &mut item.post),
            (HttpMethod::Put, &mut item.put),
            (HttpMethod::Patch, &mut item.patch),
            (HttpMethod::Delete, &mut item.delete),
        ] {
            let Some(operation) = operation else { continue };
            operation.responses.responses.insert("default".to_owned(), RefOr::T(problem()));
            let Required::Role(role) = policy::required(&http_method(method), path) else { continue };
            operation.security = Some(vec![
                SecurityRequirement::new::<_, [&str; 0], &str>("token", []),
                SecurityRequirement::new::<_, [&str; 0], &str>("session", []),
            ]);
            let needs = format!("Needs the role {}.", policy::word(role));
            operation.description = Some(match operation.description.take() {
                Some(said) if !said.is_empty() => format!("{said}\n\n{needs}"),
                _ => needs,
            });
        }
    }
    document
}

fn problem() -> Response {
    ResponseBuilder::new()
        .description("What went wrong")
        .content(
            "application/problem+json",
            ContentBuilder::new().schema(Some(RefOr::Ref(Ref::from_schema_name("Problem")))).build(),
        )
        .build()
}

fn http_method(method: HttpMethod) -> http::Method {
    match method {
        HttpMethod::Get => http::Method::GET,
        HttpMethod::Put => http::Method::PUT,
        HttpMethod::Post => http::Method::POST,
        HttpMethod::Delete => http::Method::DELETE,
        HttpMethod::Patch => http::Method::PATCH,
        HttpMethod::Options => http::Method::OPTIONS,
        HttpMethod::Head => http::Method::HEAD,
        HttpMethod::Trace => http::Method::TRACE,
    }
}
