//! `api-keys list` and `api-keys show`.

use gatepost::api::auth::v1::{ApiKey, GetApiKeyRequest, ListApiKeysRequest};
use kit::cli::{CommandFailure, DocumentForm, OutputFormat, listing};

use super::row::KeyRow;
use crate::console::client::Client;
use crate::console::record::print_record;

/// Keys of a page.
const PAGE_SIZE: i32 = 200;

/// Lists the keys.
pub(super) async fn list(client: &Client, format: OutputFormat) -> Result<(), CommandFailure> {
    let mut listing = listing(format, DocumentForm::Array);
    let mut page_token = Some(String::new());
    while let Some(token) = page_token {
        let request = ListApiKeysRequest { page_size: PAGE_SIZE, page_token: token };
        let page = client.call(request, async |services, request| services.api_keys().list_api_keys(request).await);
        let page = page.await?;
        let rows: Vec<_> = page.api_keys.into_iter().map(KeyRow::new).collect();
        listing.rows(&rows)?;
        page_token = Some(page.next_page_token).filter(|token| !token.is_empty());
    }
    listing.end::<KeyRow>()
}

/// Shows a key.
pub(super) async fn show(client: &Client, id: String, format: OutputFormat) -> Result<(), CommandFailure> {
    print_record(&KeyRow::new(find(client, id).await?), format)
}

/// Returns the key with this id.
pub(super) async fn find(client: &Client, id: String) -> Result<ApiKey, CommandFailure> {
    let request = GetApiKeyRequest { id };
    let found = client.call(request, async |services, request| services.api_keys().get_api_key(request).await).await?;
    Ok(found.api_key.unwrap_or_default())
}
