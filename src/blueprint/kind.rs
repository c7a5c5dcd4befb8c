//! The kinds of objects that a blueprint holds, and the order in which they are made when nothing else decides.

use std::fmt;
use std::str::FromStr;

macro_rules! kinds {
    ($($variant:ident $word:literal,)*) => {
        /// What an object is. The order of the variants is the order of creation among objects that do not need
        /// each other.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
        )]
        pub enum Kind {
            $($variant,)*
        }

        impl Kind {
            /// The word for people, which is also what the catalog queries answer.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl FromStr for Kind {
            type Err = UnknownKind;

            fn from_str(word: &str) -> Result<Self, UnknownKind> {
                match word {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(UnknownKind(word.to_owned())),
                }
            }
        }
    };
}

kinds! {
    Schema "schema",
    Collation "collation",
    Type "type",
    Domain "domain",
    DomainDefault "domain default",
    DomainNotNull "domain not null",
    DomainConstraint "domain constraint",
    EnumLabel "enum label",
    Attribute "attribute",
    Function "function",
    Procedure "procedure",
    Aggregate "aggregate",
    Operator "operator",
    OperatorFamily "operator family",
    OperatorClass "operator class",
    OperatorOfFamily "operator of a family",
    FunctionOfFamily "function of a family",
    Cast "cast",
    Conversion "conversion",
    TextSearchParser "text search parser",
    TextSearchTemplate "text search template",
    TextSearchDictionary "text search dictionary",
    TextSearchConfiguration "text search configuration",
    TextSearchMapping "text search mapping",
    Sequence "sequence",
    Table "table",
    ForeignTable "foreign table",
    Column "column",
    NotNull "not null",
    Identity "identity",
    IdentitySequence "identity sequence",
    SequenceOwner "sequence owner",
    SequencePersistence "sequence persistence",
    Default "default",
    NoDefault "no default",
    Check "check",
    Inheritance "inheritance",
    Partition "partition",
    Storage "storage",
    Compression "compression",
    ColumnStatistics "statistics",
    ColumnOptions "options",
    ForeignOptions "foreign options",
    View "view",
    ViewColumn "view column",
    MaterializedView "materialized view",
    Constraint "constraint",
    Index "index",
    IndexPartition "index partition",
    IndexStatistics "index statistics",
    StorageParameters "storage parameters",
    Tablespace "tablespace",
    Clustering "clustering",
    ReplicaIdentity "replica identity",
    ExtendedStatistics "extended statistics",
    StatisticsTarget "statistics target",
    ForeignKey "foreign key",
    ForeignKeyTrigger "foreign key trigger",
    Rule "rule",
    RuleState "rule state",
    Trigger "trigger",
    TriggerState "trigger state",
    Policy "policy",
    RowSecurity "row security",
    ForcedRowSecurity "forced row security",
    Comment "comment",
    PrivilegeReset "privilege reset",
    // Whoever is to own something, or to pass on a grant, must be let into the schema first.
    SchemaGrant "schema grant",
    // Given away once nothing more is to be done with it.
    Owner "owner",
    Grant "grant",
    DefaultPrivileges "default privileges",
}

impl Kind {
    /// Whether the object is written inside its parent and nowhere else when the parent is made.
    pub(super) fn is_part(self) -> bool {
        matches!(self, Self::Column | Self::EnumLabel | Self::Attribute)
    }

    /// Whether PostgreSQL puts the definition into words of its own, as it does with expressions and queries.
    pub(super) fn is_deparsed(self) -> bool {
        matches!(
            self,
            Self::Domain
                | Self::DomainConstraint
                | Self::DomainDefault
                | Self::Function
                | Self::Procedure
                | Self::Aggregate
                | Self::Table
                | Self::Column
                | Self::Default
                | Self::Check
                | Self::Partition
                | Self::View
                | Self::MaterializedView
                | Self::Constraint
                | Self::Index
                | Self::ExtendedStatistics
                | Self::ForeignKey
                | Self::Rule
                | Self::Trigger
                | Self::Policy
        )
    }

    /// Whether rows are better loaded before the object is there. Default privileges would reach everything that is
    /// made after them, and grants may take from an owner the right to write; how rows are stored is said before them.
    pub(super) fn comes_after_data(self) -> bool {
        self >= Self::Constraint && !matches!(self, Self::StorageParameters | Self::Tablespace)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A catalog query named a kind that is not in the list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no kind of object")]
pub struct UnknownKind(String);
