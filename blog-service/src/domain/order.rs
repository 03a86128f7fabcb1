//! Orders of lists, and the place of a post in an order.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};

use super::{PostFacts, PostId, TextError};

/// Order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PostOrder {
    /// Field that orders the posts.
    pub field: OrderField,
    /// Direction of the field, and of the ids of posts with equal fields.
    pub direction: Direction,
}

/// Field that orders a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OrderField {
    /// Time of creation, which is the order of the ids.
    #[default]
    CreateTime,
    /// Time of publication, past or planned.
    PublishTime,
    /// Time of the last change.
    UpdateTime,
    /// Title, in the order of its bytes in UTF-8.
    Title,
}

/// Direction of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// The least first.
    Ascending,
    /// The greatest first.
    #[default]
    Descending,
}

/// Place of a post in an order: the field's value, and the id. Two places are compared only if they have the same field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PostPosition {
    /// Value of the field.
    pub value: OrderValue,
    /// Id of the post.
    pub id: PostId,
}

/// Value of the field that orders a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OrderValue {
    /// Nothing besides the id.
    Id,
    /// A time.
    Time(DateTime<Utc>),
    /// A title.
    Title(String),
}

impl PostOrder {
    /// Rule of an order, as error messages show it.
    pub const RULE: &'static str = "must be one of create_time, publish_time, update_time and title, with ` desc` behind \
         it for the descending order";

    /// Reads an order in the form of AIP-132. An empty text is the default order.
    ///
    /// # Errors
    /// Fails if the text breaks [`PostOrder::RULE`].
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let mut words = text.split_whitespace();
        let field = match words.next() {
            None => return Ok(Self::default()),
            Some("create_time") => OrderField::CreateTime,
            Some("publish_time") => OrderField::PublishTime,
            Some("update_time") => OrderField::UpdateTime,
            Some("title") => OrderField::Title,
            Some(_) => return Err(TextError),
        };
        let direction = match words.next() {
            None | Some("asc") => Direction::Ascending,
            Some("desc") => Direction::Descending,
            Some(_) => return Err(TextError),
        };
        if words.next().is_some() { Err(TextError) } else { Ok(Self { field, direction }) }
    }

    /// Returns the name of the order, the same for equal orders.
    pub fn name(self) -> &'static str {
        match (self.field, self.direction) {
            (OrderField::CreateTime, Direction::Ascending) => "create_time",
            (OrderField::CreateTime, Direction::Descending) => "create_time desc",
            (OrderField::PublishTime, Direction::Ascending) => "publish_time",
            (OrderField::PublishTime, Direction::Descending) => "publish_time desc",
            (OrderField::UpdateTime, Direction::Ascending) => "update_time",
            (OrderField::UpdateTime, Direction::Descending) => "update_time desc",
            (OrderField::Title, Direction::Ascending) => "title",
            (OrderField::Title, Direction::Descending) => "title desc",
        }
    }

    /// Returns the place of a post.
    pub fn position(self, post: &PostFacts) -> PostPosition {
        let value = match self.field {
            OrderField::CreateTime => OrderValue::Id,
            // A list by this field has no drafts.
            OrderField::PublishTime => OrderValue::Time(post.publish_time.unwrap_or_default()),
            OrderField::UpdateTime => OrderValue::Time(post.update_time),
            OrderField::Title => OrderValue::Title(post.title.clone()),
        };
        PostPosition { value, id: post.id }
    }

    /// Compares two places of this order: the one that is listed first is less.
    pub fn compare(self, one: &PostPosition, other: &PostPosition) -> Ordering {
        match self.direction {
            Direction::Ascending => one.cmp(other),
            Direction::Descending => other.cmp(one),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: [OrderField; 4] =
        [OrderField::CreateTime, OrderField::PublishTime, OrderField::UpdateTime, OrderField::Title];

    #[test]
    fn order_is_read_from_its_name() {
        for field in FIELDS {
            for direction in [Direction::Ascending, Direction::Descending] {
                let order = PostOrder { field, direction };
                assert_eq!(PostOrder::parse(order.name()), Ok(order));
            }
            let ascending = PostOrder { field, direction: Direction::Ascending };
            assert_eq!(PostOrder::parse(&format!(" {}  asc ", ascending.name())), Ok(ascending));
        }
        assert_eq!(PostOrder::parse(" "), Ok(PostOrder::default()));
        assert_eq!(PostOrder::default().name(), "create_time desc");
        for bad in ["id", "title,create_time", "title, create_time", "title DESC", "Title", "desc", "title desc desc"] {
            assert_eq!(PostOrder::parse(bad), Err(TextError), "{bad}");
        }
    }

    #[test]
    fn direction_holds_for_value_and_id() {
        let place =
            |title: &str, id| PostPosition { value: OrderValue::Title(title.into()), id: PostId::from_u128(id) };
        let sorted = [place("A", 1), place("A", 2), place("a", 0), place("\u{e9}", 0)];
        let (up, down) = (PostOrder::parse("title").unwrap(), PostOrder::parse("title desc").unwrap());
        assert!(sorted.is_sorted_by(|one, next| up.compare(one, next).is_lt() && down.compare(one, next).is_gt()));
    }
}
