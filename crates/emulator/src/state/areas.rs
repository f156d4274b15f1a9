//! `resourceAreas`: at which address an area of the API is served. Microsoft's libraries ask before anything
//! else. The cloud has many hosts; this emulator serves all it has from one.

use serde_json::{Value, json};

use super::{
    Request, Response, State,
    call::{Answer, Query, World, collection, encode, ok},
    locations::{self, Level},
};

/// Ids and names as recorded from an organization in January 2025; those of areas that are served here.
/// Hooks, operations and security have none: clients look for them at the organization itself.
const AREAS: [(&str, &str); 7] = [
    ("79134c72-4a58-4b42-976c-04e7115f32bf", "core"),
    ("5264459e-e5e0-4bd8-b118-0985e68a4ec5", "wit"),
    ("1d4f49f9-02b9-4e26-b826-2cdb6195f2a9", "work"),
    ("8a3d49b8-91f0-46ef-b33d-dda338c25db3", "IMS"),
    ("0d55247a-1c47-4462-9b1f-5e2125590ee6", "Account"),
    ("00025394-6065-48ca-87d9-7f5672854ef7", "Location Service"),
    ("951917ac-a960-4999-8464-e3f0aa25b381", "SPS Location Service"),
];

/// What is served beside the organizations.
const PROFILE: (&str, &str) = ("8ccfef3d-2b87-4e99-8ccb-66e343d2daa8", "Profile");

fn area((id, name): (&str, &str), address: &str) -> Value {
    json!({"id": id, "name": name, "locationUrl": address})
}

fn with_id(areas: &[(&'static str, &'static str)], id: &str) -> Option<(&'static str, &'static str)> {
    areas.iter().copied().find(|(area, _)| area.eq_ignore_ascii_case(id))
}

/// `GET {organization}/_apis/resourceAreas[/{id}]`. That an unknown id is answered with null is a guess.
pub(crate) fn of_organization(world: &World, id: Option<&str>) -> Answer {
    // A server has one address; Microsoft's Node library says what it answers.
    if world.org.edition.is_server() {
        return ok(id.map_or_else(|| json!({"count": 0, "value": null}), |_| Value::Null));
    }
    let address = format!("{}/", world.call.base);
    match id {
        None => ok(collection(AREAS.iter().map(|known| area(*known, &address)).collect())),
        Some(id) => ok(with_id(&AREAS, id).map_or(Value::Null, |known| area(known, &address))),
    }
}

/// Requests to `/_apis` without an organization: `OPTIONS`, and `resourceAreas[/{id}]`, which needs no sign-in
/// and finds the areas of the organization that `organizationName` (once `accountName`) names. None for
/// everything else.
pub(crate) fn beside_organizations(state: &State, request: &Request, path: &[String]) -> Option<Response> {
    if request.method == "OPTIONS" && path.len() <= 1 {
        return Some(locations::answer(Level::Deployment, path.first()));
    }
    let [resource, id @ ..] = path else { return None };
    if request.method != "GET" || !resource.eq_ignore_ascii_case("resourceAreas") || id.len() > 1 {
        return None;
    }
    let query = Query::parse(&request.query);
    let named = query.get("organizationName").or(query.get("accountName"));
    let organization = named.and_then(|name| state.organizations.get(&name.to_lowercase()));
    let (areas, address) = match organization {
        Some(org) if !org.edition.is_server() => {
            (&AREAS[..], format!("{}/{}/", state.base_url, encode(&org.name)))
        }
        _ => (&[PROFILE][..], format!("{}/", state.base_url)),
    };
    let body = match id.first() {
        None => collection(areas.iter().map(|known| area(*known, &address)).collect()),
        Some(id) => with_id(areas, id).map_or(Value::Null, |known| area(known, &address)),
    };
    let content_type = "application/json; charset=utf-8; api-version=7.1-preview.1".to_owned();
    Some(Response {
        status: 200,
        headers: vec![("Content-Type".into(), content_type)],
        body: body.to_string().into_bytes(),
    })
}
