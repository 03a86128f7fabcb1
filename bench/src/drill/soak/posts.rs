//! The posts of a soak: a bounded set whose content is known, so that a lost write is found.
//!
//! One call at a time uses a post. After an unanswered change the post rests for a while, since the change may still take
//! effect. Its next call is a read, which shows the outcome.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use crate::drill::{Broken, Random};

/// Number of posts from which a post is deleted in place of a new one.
const MAX_POSTS: usize = 2_000;

/// Time in which an unanswered change may take effect: longer than any deadline.
const REST_TIME: Duration = Duration::from_secs(12);

/// A post that is used by one call.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct KnownPost {
    pub(super) id: String,
    number: u64,
    /// Versions that the post may have; one, unless a change was not answered.
    versions: Vec<u32>,
    /// Set if a deletion was not answered.
    may_be_gone: bool,
    /// Number of uses, to notice a use in the meantime.
    uses: u64,
}

/// A post to create. The request is repeated with its id until it is answered.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NewPost {
    pub(super) number: u64,
    pub(super) request_id: String,
}

/// All posts. Times count from the start of the load.
#[derive(Debug, Default)]
pub(super) struct PostBook {
    idle: Vec<KnownPost>,
    /// Posts after an unanswered change, with the end of their rest.
    resting: VecDeque<(Duration, KnownPost)>,
    /// Posts whose creation was not answered.
    unanswered: VecDeque<NewPost>,
    next: u64,
}

/// The idle posts at a moment.
pub(super) type BookSnapshot = HashMap<String, KnownPost>;

impl PostBook {
    /// Returns a post to create: one that was not answered, or another one.
    pub(super) fn create(&mut self, random: &mut Random) -> NewPost {
        self.unanswered.pop_front().unwrap_or_else(|| {
            self.next += 1;
            NewPost { number: self.next, request_id: random.uuid() }
        })
    }

    /// Returns `true` if a deletion should take the place of a creation.
    pub(super) fn is_full(&self) -> bool {
        self.idle.len() + self.resting.len() >= MAX_POSTS
    }

    /// Adds a post that was created under this id, or keeps it for a repetition.
    pub(super) fn created(&mut self, new: NewPost, id: Option<String>) {
        match id {
            Some(id) => {
                self.idle.push(KnownPost { id, number: new.number, versions: vec![0], may_be_gone: false, uses: 0 });
            }
            None => self.unanswered.push_back(new),
        }
    }

    /// Takes a random post for a call; `None` if all are in use.
    pub(super) fn take(&mut self, random: &mut Random, now: Duration) -> Option<KnownPost> {
        while self.resting.front().is_some_and(|(until, _)| *until <= now) {
            self.idle.extend(self.resting.pop_front().map(|(_, post)| post));
        }
        let count = u64::try_from(self.idle.len()).ok().filter(|count| *count > 0)?;
        let index = usize::try_from(random.number() % count).ok()?;
        let mut post = self.idle.swap_remove(index);
        post.uses += 1;
        Some(post)
    }

    /// Returns a post after a call that changed nothing, or whose change was answered.
    pub(super) fn put_back(&mut self, post: KnownPost) {
        self.idle.push(post);
    }

    /// Returns a post after an unanswered change.
    pub(super) fn rest(&mut self, post: KnownPost, now: Duration) {
        self.resting.push_back((now + REST_TIME, post));
    }

    /// Returns the idle posts.
    pub(super) fn snapshot(&self) -> BookSnapshot {
        self.idle.iter().map(|post| (post.id.clone(), post.clone())).collect()
    }

    /// Compares a listing with the posts that were idle before it and have not been used since.
    pub(super) fn check(&self, before: &BookSnapshot, listed: &HashMap<String, String>) -> Vec<Broken> {
        let unused = self.idle.iter().filter(|post| before.get(&post.id).is_some_and(|then| then.uses == post.uses));
        unused.filter_map(|post| post.check(listed.get(&post.id).map(String::as_str))).collect()
    }

    /// Compares a listing with all posts, while no call is open.
    pub(super) fn check_all(&self, listed: &HashMap<String, String>) -> Vec<Broken> {
        let posts = self.idle.iter().chain(self.resting.iter().map(|(_, post)| post));
        let mut broken: Vec<_> =
            posts.clone().filter_map(|post| post.check(listed.get(&post.id).map(String::as_str))).collect();
        let known: HashSet<_> = posts.map(|post| post.id.as_str()).collect();
        let unanswered: HashSet<_> = self.unanswered.iter().map(|new| Some(new.number)).collect();
        let mut seen = HashSet::new();
        for (id, title) in listed {
            let number = parse(title).map(|title| title.number);
            if !known.contains(id.as_str()) && !unanswered.contains(&number) {
                broken.push(Broken::new("a deleted post does not exist", format!("{id}: {title}")));
            }
            if !seen.insert(number) {
                broken.push(Broken::new("a post with a request id is created once", format!("{id}: {title}")));
            }
        }
        broken
    }

    /// Returns the number of posts that are known.
    pub(super) fn len(&self) -> usize {
        self.idle.len() + self.resting.len()
    }

    /// Returns the number of creations without an answer.
    pub(super) fn unanswered(&self) -> usize {
        self.unanswered.len()
    }
}

impl NewPost {
    pub(super) fn title(&self) -> String {
        title(self.number, 0)
    }
}

impl KnownPost {
    /// Returns `true` if the last change was answered, so that a change may follow.
    pub(super) fn is_settled(&self) -> bool {
        self.versions.len() == 1 && !self.may_be_gone
    }

    /// Returns the next version, and its title.
    pub(super) fn next_version(&self) -> (u32, String) {
        let next = self.versions.iter().max().map_or(0, |version| version + 1);
        (next, title(self.number, next))
    }

    /// Adds the outcome of an update to this version.
    pub(super) fn updated(&mut self, version: u32, is_answered: bool) {
        if is_answered {
            self.versions.clear();
        }
        self.versions.push(version);
    }

    /// Notes that a deletion was not answered.
    pub(super) fn deletion_unanswered(&mut self) {
        self.may_be_gone = true;
    }

    /// Adds the title of a read; `None` if there was no post. Returns the broken promise.
    pub(super) fn read(&mut self, title: Option<&str>) -> Option<Broken> {
        let broken = self.check(title);
        if let Some(title) = title.and_then(parse) {
            self.versions = vec![title.version];
            self.may_be_gone = false;
        }
        broken
    }

    fn check(&self, title: Option<&str>) -> Option<Broken> {
        let promise = match title {
            None if self.may_be_gone => return None,
            None => "an acknowledged post exists",
            Some(title) => match parse(title) {
                Some(title) if title.number == self.number && self.versions.contains(&title.version) => return None,
                _ => "an acknowledged change of a post is kept",
            },
        };
        let seen = format!("post {} ({}), versions {:?}: {title:?}", self.number, self.id, self.versions);
        Some(Broken::new(promise, seen))
    }
}

/// The numbers in a title.
struct ParsedTitle {
    number: u64,
    version: u32,
}

fn title(number: u64, version: u32) -> String {
    format!("post {number} version {version}")
}

fn parse(title: &str) -> Option<ParsedTitle> {
    let (number, version) = title.strip_prefix("post ")?.split_once(" version ")?;
    Some(ParsedTitle { number: number.parse().ok()?, version: version.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1);

    /// Returns a book with this many posts, and the listing of a database that has kept them.
    fn filled(count: u64) -> (PostBook, HashMap<String, String>, Random) {
        let (mut book, mut random) = (PostBook::default(), Random::new(1));
        for number in 1..=count {
            let new = book.create(&mut random);
            book.created(new, Some(format!("id-{number}")));
        }
        let listed = book.idle.iter().map(|post| (post.id.clone(), title(post.number, 0))).collect();
        (book, listed, random)
    }

    #[test]
    fn lost_and_changed_posts_are_found() {
        let (book, mut listed, _) = filled(9);
        let before = book.snapshot();
        assert!(book.check(&before, &listed).is_empty() && book.check_all(&listed).is_empty());
        listed.remove("id-3");
        listed.insert("id-4".into(), title(4, 7));
        listed.insert("id-5".into(), "post".into());
        assert_eq!((book.check(&before, &listed).len(), book.check_all(&listed).len()), (3, 3));
    }

    #[test]
    fn returned_and_doubled_posts_are_found() {
        let (mut book, mut listed, mut random) = filled(9);
        let gone = book.take(&mut random, NOW).unwrap();
        assert_eq!(book.check_all(&listed).len(), 1, "{} is deleted, and listed", gone.id);
        listed.remove(&gone.id);
        assert!(book.check_all(&listed).is_empty());
        let new = book.create(&mut random);
        listed.insert("id-x".into(), new.title());
        book.created(new.clone(), None);
        assert!(book.check_all(&listed).is_empty(), "it may have been created");
        listed.insert("id-y".into(), new.title());
        assert_eq!(book.check_all(&listed).len(), 1, "it was created twice");
        assert_eq!(book.create(&mut random), new, "the request is repeated");
    }

    #[test]
    fn post_used_during_a_listing_is_not_compared() {
        let (mut book, listed, mut random) = filled(1);
        let before = book.snapshot();
        let mut post = book.take(&mut random, NOW).unwrap();
        assert!(book.check(&before, &HashMap::new()).is_empty(), "it is in use");
        let (version, _) = post.next_version();
        post.updated(version, true);
        book.put_back(post);
        assert!(book.check(&before, &listed).is_empty(), "it was used");
        assert_eq!(book.check(&book.snapshot(), &listed).len(), 1, "its change is lost");
    }

    #[test]
    fn unanswered_change_rests_and_is_settled_by_a_read() {
        let (mut book, _, mut random) = filled(1);
        let mut post = book.take(&mut random, NOW).unwrap();
        post.updated(1, false);
        assert!(!post.is_settled());
        book.rest(post, NOW);
        assert!(book.take(&mut random, NOW).is_none());
        let mut post = book.take(&mut random, NOW + REST_TIME).unwrap();
        assert!(post.clone().read(Some("post 1 version 0")).is_none());
        assert!(post.clone().read(Some("post 1 version 2")).is_some());
        assert!(post.clone().read(None).is_some());
        assert!(post.read(Some("post 1 version 1")).is_none() && post.is_settled());
        assert!(post.clone().read(Some("post 1 version 0")).is_some(), "the change was made");
        post.deletion_unanswered();
        assert!(!post.is_settled() && post.clone().read(None).is_none());
    }
}
