//! `ApiKeyService`: API keys for admins.

use std::sync::Arc;

use gatepost::api::auth::v1;
use gatepost::api::auth::v1::api_key_service_server::ApiKeyService;
use gatepost::api::auth::v1::{
    CreateApiKeyRequest, CreateApiKeyResponse, GetApiKeyRequest, GetApiKeyResponse, ListApiKeysRequest,
    ListApiKeysResponse, RevokeApiKeyRequest, RevokeApiKeyResponse, RotateApiKeyRequest, RotateApiKeyResponse,
    UpdateApiKeyRequest, UpdateApiKeyResponse,
};
use kit::etag;
use kit::failure::both;
use kit::page::{self, PageRequest, PageRow};
use kit::peer::CallerResolver;
use kit::serve::Room;
use prost::Message as _;
use tonic::{Request, Response, Status};

use super::caller::caller;
use crate::app::App;
use crate::app::api_keys::{self, IssuedApiKey};
use crate::convert;
use crate::domain::ApiKey;

const LIST: &str = "gatepost.auth.v1.ApiKeyService/ListApiKeys";

/// Bytes reserved for each key of a list. Only keys with many roles need more.
const ROW_BYTES: usize = 1024;

pub(super) struct ApiKeyRpc {
    pub(super) app: Arc<App>,
    pub(super) callers: CallerResolver,
}

impl ApiKeyRpc {
    /// Writes a key as it is now.
    fn shown(&self, key: &ApiKey) -> v1::ApiKey {
        convert::api_key(key, self.app.clock.now())
    }
}

#[tonic::async_trait]
impl ApiKeyService for ApiKeyRpc {
    async fn create_api_key(
        &self,
        request: Request<CreateApiKeyRequest>,
    ) -> Result<Response<CreateApiKeyResponse>, Status> {
        caller(&request)?.require_admin_user()?;
        let context = convert::context(&request, &self.callers);
        let new = convert::new_api_key(request.into_inner(), &self.app.audiences)?;
        let IssuedApiKey { key, secret } = api_keys::create(&self.app, &context, new).await?;
        Ok(Response::new(CreateApiKeyResponse { api_key: Some(self.shown(&key)), secret: secret.expose() }))
    }

    async fn get_api_key(&self, request: Request<GetApiKeyRequest>) -> Result<Response<GetApiKeyResponse>, Status> {
        caller(&request)?.require_admin_user()?;
        let key = api_keys::get(&self.app, convert::api_key_id(&request.get_ref().id)?).await?;
        Ok(Response::new(GetApiKeyResponse { api_key: Some(self.shown(&key)) }))
    }

    async fn list_api_keys(
        &self,
        request: Request<ListApiKeysRequest>,
    ) -> Result<Response<ListApiKeysResponse>, Status> {
        caller(&request)?.require_admin_user()?;
        Room::from_request(&request).reserve(page::max_bytes(request.get_ref().page_size, ROW_BYTES)).await?;
        let ListApiKeysRequest { page_size, page_token } = request.into_inner();
        let wanted = PageRequest { scope: LIST, size: convert::page_size(page_size)?, token: &page_token };
        let now = self.app.clock.now();
        let page = api_keys::list(&self.app, wanted, |key| {
            let item = convert::api_key(&key, now);
            PageRow { id: key.id, bytes: item.encoded_len(), item }
        })
        .await?;
        Ok(Response::new(ListApiKeysResponse { api_keys: page.items, next_page_token: page.next_page_token }))
    }

    async fn update_api_key(
        &self,
        request: Request<UpdateApiKeyRequest>,
    ) -> Result<Response<UpdateApiKeyResponse>, Status> {
        caller(&request)?.require_admin_user()?;
        let context = convert::context(&request, &self.callers);
        let UpdateApiKeyRequest { id, patch, update_mask, etag } = request.into_inner();
        let (id, change) = both(convert::api_key_id(&id), convert::api_key_change(patch, update_mask.as_ref()))?;
        let key = api_keys::update(&self.app, &context, id, &change, etag::expected(&etag)).await?;
        Ok(Response::new(UpdateApiKeyResponse { api_key: Some(self.shown(&key)) }))
    }

    async fn rotate_api_key(
        &self,
        request: Request<RotateApiKeyRequest>,
    ) -> Result<Response<RotateApiKeyResponse>, Status> {
        caller(&request)?.require_admin_user()?;
        let context = convert::context(&request, &self.callers);
        let RotateApiKeyRequest { id, overlap, etag } = request.into_inner();
        let (id, overlap) = both(convert::api_key_id(&id), convert::overlap(overlap))?;
        let rotated = api_keys::rotate(&self.app, &context, id, overlap, etag::expected(&etag)).await?;
        let IssuedApiKey { key, secret } = rotated;
        Ok(Response::new(RotateApiKeyResponse { api_key: Some(self.shown(&key)), secret: secret.expose() }))
    }

    async fn revoke_api_key(
        &self,
        request: Request<RevokeApiKeyRequest>,
    ) -> Result<Response<RevokeApiKeyResponse>, Status> {
        caller(&request)?.require_admin_user()?;
        let context = convert::context(&request, &self.callers);
        let RevokeApiKeyRequest { id, etag } = request.into_inner();
        let id = convert::api_key_id(&id)?;
        let key = api_keys::revoke(&self.app, &context, id, etag::expected(&etag)).await?;
        Ok(Response::new(RevokeApiKeyResponse { api_key: Some(self.shown(&key)) }))
    }
}
