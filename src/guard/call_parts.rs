//! A common interface to requests of tonic and of the crate `http`.

use http::{Extensions, HeaderMap};

/// A request of [`tonic::Request`], [`http::Request`] or [`http::request::Parts`], from which an
/// [`Identity`](crate::Identity) or a [`Token`](crate::Token) is read. Sealed: other crates cannot implement it.
pub trait CallParts: sealed::Sealed {
    /// Returns the HTTP headers or the gRPC metadata.
    fn headers(&self) -> &HeaderMap;

    /// Returns the extensions, in which layers pass data to handlers.
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
    fn each_kind_of_request_yields_identity_and_token() {
        let ada = Identity::user("ada");
        let request = || http::Request::get("/").header("api-token", "abc").extension(ada.clone()).body(()).unwrap();
        let (mut grpc, http, (parts, ())) = (tonic::Request::new(()), request(), request().into_parts());
        grpc.metadata_mut().insert("api-token", "abc".parse().unwrap());
        grpc.extensions_mut().insert(ada.clone());
        assert_eq!([Identity::find(&grpc), Identity::find(&http), Identity::find(&parts)], [Some(&ada); 3]);
        let tokens = [Token::from_request(&grpc), Token::from_request(&http), Token::from_request(&parts)];
        assert!(tokens.iter().all(|token| token.as_ref().is_ok_and(|token| token.expose() == "abc")), "{tokens:?}");
        assert!(Identity::from_request(&tonic::Request::new(())).is_err());
    }
}
