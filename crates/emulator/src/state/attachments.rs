//! Attachments: simple and chunked upload, download (azure-devops.md section 7.8).

use serde_json::json;
use uuid::Uuid;

use super::{
    call::{Answer, Reply, World, encode},
    errors::ApiError,
    model::Attachment,
};

/// The limit of the hosted service.
const MAX_BYTES: usize = 60 * 1024 * 1024;

/// The name is part of the address where the request has it.
fn url(world: &World, id: Uuid) -> String {
    let name = world.call.query.get("fileName").map(|name| format!("?fileName={}", encode(name)));
    let rest = format!("_apis/wit/attachments/{id}{}", name.unwrap_or_default());
    match world.call.project {
        Some(project) => world.call.project_url(project, &rest),
        None => world.call.org_url(&rest),
    }
}

/// `POST …/attachments?fileName=&uploadType=simple|chunked`.
pub(crate) fn upload(world: &mut World) -> Answer {
    let query = &world.call.query;
    let name = query.get("fileName").unwrap_or("file").to_owned();
    if !world.may_write() {
        let area = world.call.project.map_or_else(String::new, |p| world.org.project_by_id(p).name.clone());
        return Err(ApiError::area_not_writable(&area));
    }
    if world.call.body.len() > MAX_BYTES {
        return Err(ApiError::argument("VS402347: The attachment exceeds the maximum size of 60 MB."));
    }
    let chunked = query.get("uploadType").is_some_and(|t| t.eq_ignore_ascii_case("chunked"));
    let content = if chunked { Vec::new() } else { world.call.body.clone() };
    let id = world.ids.guid();
    world.org.attachments.insert(id, Attachment { name, content, created: world.call.now });
    world.wrote = true;
    Ok(Reply::Json(201, json!({"id": id, "url": url(world, id)})))
}

/// `PUT …/attachments/{id}`: the next piece of a chunked upload.
pub(crate) fn upload_chunk(world: &mut World, id: &str) -> Answer {
    let key = Uuid::parse_str(id).map_err(|_| ApiError::no_attachment(id))?;
    let chunk = world.call.body.clone();
    let file = world.org.attachments.get_mut(&key).ok_or_else(|| ApiError::no_attachment(id))?;
    if file.content.len() + chunk.len() > MAX_BYTES {
        return Err(ApiError::argument("VS402347: The attachment exceeds the maximum size of 60 MB."));
    }
    file.content.extend(chunk);
    world.wrote = true;
    Ok(Reply::Json(200, json!({"id": key, "url": url(world, key)})))
}

/// `GET …/attachments/{id}?fileName=&download=`.
pub(crate) fn download(world: &World, id: &str) -> Answer {
    let key = Uuid::parse_str(id).map_err(|_| ApiError::no_attachment(id))?;
    let file = world.org.attachments.get(&key).ok_or_else(|| ApiError::no_attachment(id))?;
    let name = world.call.query.get("fileName").unwrap_or(&file.name).to_owned();
    Ok(Reply::File { name, content: file.content.clone(), download: world.call.query.flag("download") })
}
