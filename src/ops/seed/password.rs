//! The password of demo users: chosen or made up, and only its hash is stored.

use argon2::{Argon2, PasswordHasher};
use uuid::Uuid;

use crate::db::conn::Secret;
use crate::tenant::Slug;

/// Tells our salts from those of others.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f1f_7f1c_2a0e_4c7b_9d0a_7d5e_c1b2_a390);

/// A password for demo users.
#[derive(Debug, Clone)]
pub struct Password {
    secret: Secret,
    is_generated: bool,
}

impl Password {
    /// The one that was chosen, or one that nobody guesses.
    pub fn chosen_or_generated(chosen: Option<&str>) -> Self {
        match chosen {
            Some(chosen) => Self {
                secret: Secret::from(chosen),
                is_generated: false,
            },
            None => Self {
                secret: Secret::from(Uuid::new_v4().simple().to_string()),
                is_generated: true,
            },
        }
    }

    /// The password, when somebody has to be told.
    pub fn generated(&self) -> Option<&str> {
        self.is_generated.then(|| self.secret.expose())
    }

    /// Argon2id with the parameters that OWASP recommends: 19 MiB, two passes, one lane. Seed and tenant make the salt,
    /// so that the same password gives the same row.
    pub(super) fn hash(&self, seed: i64, tenant: &Slug) -> anyhow::Result<String> {
        let salt = Uuid::new_v5(&NAMESPACE, format!("{seed} {tenant}").as_bytes());
        let hash = Argon2::default()
            .hash_password_with_salt(self.secret.expose().as_bytes(), salt.as_bytes())
            .map_err(|error| anyhow::anyhow!("hashing the password: {error}"))?;
        Ok(hash.to_string())
    }
}

#[cfg(test)]
mod tests {
    use argon2::PasswordVerifier;
    use argon2::password_hash::phc::PasswordHash;

    use super::*;

    fn slug(text: &str) -> Slug {
        text.parse().expect("a slug")
    }

    #[test]
    fn a_hash_is_argon2id_by_seed_and_tenant() {
        let password = Password::chosen_or_generated(Some("a long one"));
        let hash = |seed, tenant| password.hash(seed, &slug(tenant)).expect("a hash");
        let first = hash(1, "acme");
        assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{first}");
        assert_eq!(first, hash(1, "acme"));
        assert_ne!(first, hash(2, "acme"));
        assert_ne!(first, hash(1, "globex"));
        let parsed = PasswordHash::new(&first).expect("a hash in PHC form");
        assert!(Argon2::default().verify_password(b"a long one", &parsed).is_ok());
        assert!(Argon2::default().verify_password(b"another", &parsed).is_err());
    }

    #[test]
    fn one_that_is_made_up_is_long_and_never_the_same() {
        let [one, other] = [(); 2].map(|()| Password::chosen_or_generated(None));
        assert_eq!(one.generated().map(str::len), Some(32));
        assert_ne!(one.generated(), other.generated());
        assert_eq!(Password::chosen_or_generated(Some("x")).generated(), None);
        assert!(!format!("{one:?}").contains(one.generated().expect("made up")));
    }
}
