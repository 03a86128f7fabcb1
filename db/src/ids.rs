//! Ids of a service's own types as columns: the database stores their UUIDs.

/// Allows values of these types, made by `kit::id_type!`, in statements and rows in place of their UUIDs.
#[macro_export]
#[doc(hidden)]
macro_rules! __db_id_columns {
    ($($id:ty),+ $(,)?) => {$(
        impl<DB: ::sqlx::Database> ::sqlx::Type<DB> for $id
        where
            ::uuid::Uuid: ::sqlx::Type<DB>,
        {
            fn type_info() -> DB::TypeInfo {
                <::uuid::Uuid as ::sqlx::Type<DB>>::type_info()
            }

            fn compatible(info: &DB::TypeInfo) -> bool {
                <::uuid::Uuid as ::sqlx::Type<DB>>::compatible(info)
            }
        }

        impl<'q, DB: ::sqlx::Database> ::sqlx::Encode<'q, DB> for $id
        where
            ::uuid::Uuid: ::sqlx::Encode<'q, DB>,
        {
            fn encode_by_ref(
                &self,
                buffer: &mut <DB as ::sqlx::Database>::ArgumentBuffer,
            ) -> ::std::result::Result<::sqlx::encode::IsNull, ::sqlx::error::BoxDynError> {
                <::uuid::Uuid as ::sqlx::Encode<'q, DB>>::encode_by_ref(self.as_uuid(), buffer)
            }

            fn produces(&self) -> ::std::option::Option<DB::TypeInfo> {
                <::uuid::Uuid as ::sqlx::Encode<'q, DB>>::produces(self.as_uuid())
            }

            fn size_hint(&self) -> usize {
                <::uuid::Uuid as ::sqlx::Encode<'q, DB>>::size_hint(self.as_uuid())
            }
        }

        impl<'r, DB: ::sqlx::Database> ::sqlx::Decode<'r, DB> for $id
        where
            ::uuid::Uuid: ::sqlx::Decode<'r, DB>,
        {
            fn decode(
                value: <DB as ::sqlx::Database>::ValueRef<'r>,
            ) -> ::std::result::Result<Self, ::sqlx::error::BoxDynError> {
                <::uuid::Uuid as ::sqlx::Decode<'r, DB>>::decode(value).map(<$id>::from)
            }
        }

        impl ::std::convert::From<$id> for $crate::SqlValue {
            fn from(id: $id) -> Self {
                Self::Uuid(id.into())
            }
        }
    )+};
}

pub use crate::__db_id_columns as id_columns;
