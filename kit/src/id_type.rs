//! Types of ids: each kind of row has its own, so that no id stands for a row of another kind.

/// Makes a type for the ids of one kind of row. An id is a UUID, and has the text of a UUID.
///
/// ```
/// kit::id_type! {
///     /// Id of a page.
///     pub struct PageId;
/// }
/// let id: PageId = "01900000-0000-7000-8000-00000000000a".parse().unwrap();
/// assert_eq!(id.to_string(), "01900000-0000-7000-8000-00000000000a");
/// ```
///
/// The ids of two kinds cannot be compared or passed for each other:
///
/// ```compile_fail,E0308
/// kit::id_type! { pub struct PageId; }
/// kit::id_type! { pub struct ReaderId; }
/// assert!(PageId::NIL == ReaderId::NIL);
/// ```
#[macro_export]
macro_rules! id_type {
    ($(#[$meta:meta])* $visibility:vis struct $name:ident;) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $visibility struct $name(::uuid::Uuid);

        impl $name {
            /// Id below all others, which no row has.
            pub const NIL: Self = Self(::uuid::Uuid::nil());

            /// Id above all others, which no row has.
            pub const MAX: Self = Self(::uuid::Uuid::max());

            /// Makes an id from its number.
            pub const fn from_u128(number: u128) -> Self {
                Self(::uuid::Uuid::from_u128(number))
            }

            /// Returns the id's number.
            pub const fn as_u128(&self) -> u128 {
                self.0.as_u128()
            }

            /// Returns the UUID.
            pub const fn as_uuid(&self) -> &::uuid::Uuid {
                &self.0
            }
        }

        impl ::std::convert::From<::uuid::Uuid> for $name {
            fn from(uuid: ::uuid::Uuid) -> Self {
                Self(uuid)
            }
        }

        impl ::std::convert::From<$name> for ::uuid::Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(&self.0, formatter)
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = ::uuid::Error;

            fn from_str(text: &str) -> ::std::result::Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}
