//! What was found of something in the cluster, or why it was not looked at.

/// An object, a list or a text of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen<T> {
    /// It is there.
    Found(T),
    /// There is none.
    Missing,
    /// It could not be looked at; why.
    Unseen(String),
}

impl<T> Seen<T> {
    /// It, if it was found.
    pub fn found(&self) -> Option<&T> {
        match self {
            Self::Found(found) => Some(found),
            Self::Missing | Self::Unseen(_) => None,
        }
    }
}
