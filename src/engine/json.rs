//! Reading only the members we need of a JSON object, borrowed, in the API server's manner.
//!
//! `null` counts as absent for every member, unknown members are skipped at any depth, and a member
//! that we read may stand there only once: two readers that choose differently between duplicates
//! would disagree about what was admitted. Derived implementations do none of this: they refuse
//! `null`, and they also accept an array for a structure.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A string, borrowed unless it has escapes. `null` reads as empty, as in Go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text<'a>(Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Text::default())
            }
        }
        deserializer.deserialize_any(TextVisitor)
    }
}

/// A list. `null` reads as empty.
///
/// Elements that say nothing are counted and not kept: seven megabytes of `{},{},…` would otherwise
/// take ten times as much memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct List<T> {
    kept: Vec<T>,
    length: usize,
}

impl<T> List<T> {
    /// Tells whether the list has no element, not even one that says nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The elements that say something.
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.kept.iter()
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { kept: Vec::new(), length: 0 }
    }
}

impl<'de, T: Default + Deserialize<'de> + PartialEq> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor<T>(PhantomData<T>);
        impl<'de, T: Default + Deserialize<'de> + PartialEq> Visitor<'de> for ListVisitor<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let nothing = T::default();
                let mut list = List::default();
                while let Some(element) = seq.next_element()? {
                    list.length += 1;
                    if element != nothing {
                        list.kept.push(element);
                    }
                }
                Ok(list)
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(List::default())
            }
        }
        deserializer.deserialize_any(ListVisitor(PhantomData))
    }
}

/// The members of an object in their order, repeated ones too, unread.
pub(crate) struct RawMembers<'t>(pub(crate) Vec<(&'t RawValue, &'t RawValue)>);

impl<'de> Deserialize<'de> for RawMembers<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = RawMembers<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(RawMembers(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

/// The members of an object that we read, one call for each.
pub(crate) trait Members<'de>: Default {
    /// What the object is called in an error.
    const NAME: &'static str;

    /// Reads the value of one member, or skips it.
    fn read<A: MapAccess<'de>>(&mut self, key: &str, value: Member<'_, A>) -> Result<(), A::Error>;
}

/// The value of a member that has not been read yet.
pub(crate) struct Member<'m, A> {
    map: &'m mut A,
    seen: &'m mut u32,
}

impl<'de, A: MapAccess<'de>> Member<'_, A> {
    /// Reads the value; `index` tells the members of one object apart, and no member comes twice.
    pub(crate) fn once<T: Deserialize<'de>>(self, index: u32, key: &str) -> Result<T, A::Error> {
        if *self.seen & (1 << index) != 0 {
            return Err(serde::de::Error::custom(format_args!("duplicate member `{key}`")));
        }
        *self.seen |= 1 << index;
        self.map.next_value()
    }

    pub(crate) fn skip(self) -> Result<(), A::Error> {
        self.map.next_value::<IgnoredAny>().map(drop)
    }
}

/// Reads an object, or `null` as an object without members.
pub(crate) fn object<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Members<'de>,
{
    struct ObjectVisitor<T>(PhantomData<T>);
    impl<'de, T: Members<'de>> Visitor<'de> for ObjectVisitor<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{} as an object", T::NAME)
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
            let mut value = T::default();
            let mut seen = 0;
            while let Some(key) = map.next_key::<Text<'de>>()? {
                value.read(&key, Member { map: &mut map, seen: &mut seen })?;
            }
            Ok(value)
        }

        fn visit_unit<E>(self) -> Result<T, E> {
            Ok(T::default())
        }
    }
    deserializer.deserialize_any(ObjectVisitor(PhantomData))
}

/// Declares a structure and which members of a JSON object fill it; all others are skipped.
/// A type parameter stands for a member whose type the reader chooses.
macro_rules! members {
    ($(#[$meta:meta])* $vis:vis struct $name:ident<$life:lifetime $(, $param:ident)?> as $title:literal {
        $($field:ident: $type:ty = $key:literal,)*
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        $vis struct $name<$life $(, $param)?> {
            $(pub(crate) $field: $type,)*
        }

        impl<$life $(, $param: Default + serde::de::Deserialize<$life>)?> $crate::engine::json::Members<$life>
            for $name<$life $(, $param)?>
        {
            const NAME: &'static str = $title;

            fn read<A: serde::de::MapAccess<$life>>(
                &mut self,
                key: &str,
                value: $crate::engine::json::Member<'_, A>,
            ) -> Result<(), A::Error> {
                #[expect(non_camel_case_types, reason = "one variant for each field, only to number them")]
                enum Index { $($field,)* }
                match key {
                    $($key => self.$field = value.once(Index::$field as u32, key)?,)*
                    _ => value.skip()?,
                }
                Ok(())
            }
        }

        impl<$life $(, $param: Default + serde::de::Deserialize<$life>)?> serde::de::Deserialize<$life>
            for $name<$life $(, $param)?>
        {
            fn deserialize<D: serde::de::Deserializer<$life>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::engine::json::object(deserializer)
            }
        }
    };
}
pub(crate) use members;
