//! Requests of tonic and of the crate `http`, read alike.

use http::{Extensions, HeaderMap};

/// A request that an [`Identity`](crate::Identity) or a [`Token`](crate::Token) is read from. It is implemented for
/// [`tonic::Request`], [`http::Request`] and [`http::request::Parts`], and cannot be implemented elsewhere.
pub trait CallParts: sealed::Sealed {
    /// Returns the headers: those of HTTP, or the metadata of gRPC.
    fn headers(&self) -> &HeaderMap;

    /// Returns the extensions, which layers leave for handlers.
    fn extensions(&self) -> &Extensions;
}

mod sealed {
    pub trait Sealed {}

    impl<T> Sealed for tonic::Request<T> {}
    impl<T> Sealed for http::Request<T> {}
    impl Sealed for http::request::Parts {}
}

impl<T> CallParts for tonic::Request<T> {
    fn headers(&self) -> &HeaderMap {
        self.metadata().as_ref()
    }

    fn extensions(&self) -> &Extensions {
        self.extensions()
    }
}

impl<T> CallParts for http::Request<T> {
    fn headers(&self) -> &HeaderMap {
        self.headers()
    }

    fn extensions(&self) -> &Extensions {
        self.extensions()
    }
}

impl CallParts for http::request::Parts {
    fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    fn extensions(&self) -> &Extensions {
        &self.extensions
    }
}

#[cfg(test)]
mod tests {
    use crate::{Identity, Token};

    #[test]
    fn identity_and_token_are_read_from_each_kind_of_request() {
        let ada = Identity::user("ada");
        let request = || http::Request::get("/").header("api-token", "abc").extension(ada.clone()).body(()).unwrap();
        let (mut grpc, http, (parts, ())) = (tonic::Request::new(()), request(), request().into_parts());
        grpc.metadata_mut().insert("api-token", "abc".parse().unwrap());
        grpc.extensions_mut().insert(ada.clone());
        assert_eq!([Identity::find(&grpc), Identity::find(&http), Identity::find(&parts)], [Some(&ada); 3]);
        let tokens = [Token::of(&grpc), Token::of(&http), Token::of(&parts)];
        assert!(tokens.iter().all(|token| token.as_ref().is_ok_and(|token| token.expose() == "abc")), "{tokens:?}");
        assert!(Identity::of(&tonic::Request::new(())).is_err());
    }
}
