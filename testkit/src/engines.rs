//! One suite for both engines: a store must behave the same on both.

/// Runs each case on SQLite and on PostgreSQL, as `sqlite::case` and `postgres::case`.
///
/// `on_both_engines!(Case: one, two)` follows the functions `async fn one(case: Case)` and so on. A function that is
/// not listed is dead code, which the checks refuse. `Case::sqlite()` and `Case::postgres()` open the store of a case.
/// `Case::postgres()` returns `None` if PostgreSQL is skipped.
#[macro_export]
#[doc(hidden)]
macro_rules! __on_both_engines {
    ($case:ty: $($test:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $test() {
                    super::$test(<$case>::sqlite().await).await;
                }
            )+
        }

        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $test() {
                    if let Some(case) = <$case>::postgres().await {
                        super::$test(case).await;
                    }
                }
            )+
        }
    };
}

pub use crate::__on_both_engines as on_both_engines;
