//! The limits of one gateway: what they are where nothing is set, and what cannot be meant.

use anyhow::bail;

use super::Limits;

/// Room for a household or a small office with everything it has: an open microphone in each room, a page on each
/// telephone, programs that ask in a loop. Who reaches one of these is not talking.
impl Default for Limits {
    fn default() -> Self {
        Self {
            user_connections: 100,
            device_connections: 50,
            address_connections: 500,
            address_requests_per_minute: 600,
            user_turns_per_minute: 240,
            device_turns_per_minute: 120,
            address_turns_per_minute: 1_200,
            user_messages_per_minute: 36_000,
            device_messages_per_minute: 12_000,
            address_messages_per_minute: 120_000,
            user_megabytes_per_minute: 240,
            device_megabytes_per_minute: 120,
            address_megabytes_per_minute: 1_200,
            user_sound_seconds_per_minute: 360,
            device_sound_seconds_per_minute: 120,
            address_sound_seconds_per_minute: 1_800,
            user_sound_seconds_per_hour: 14_400,
            device_sound_seconds_per_hour: 4_500,
            address_sound_seconds_per_hour: 72_000,
            refusals_per_minute: 20,
            text_kilobytes: 64,
            message_seconds: 60,
            first_message_seconds: 60,
            unfinished_megabytes: 256,
        }
    }
}

impl Limits {
    /// Refuses what cannot be meant, naming the key.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        for (key, value, least, most) in [
            ("user_connections", self.user_connections, 0, 1_000_000),
            ("device_connections", self.device_connections, 0, 1_000_000),
            ("address_connections", self.address_connections, 0, 1_000_000),
            ("address_requests_per_minute", self.address_requests_per_minute, 0, 10_000_000),
            ("user_turns_per_minute", self.user_turns_per_minute, 0, 10_000_000),
            ("device_turns_per_minute", self.device_turns_per_minute, 0, 10_000_000),
            ("address_turns_per_minute", self.address_turns_per_minute, 0, 10_000_000),
            ("user_messages_per_minute", self.user_messages_per_minute, 0, 100_000_000),
            ("device_messages_per_minute", self.device_messages_per_minute, 0, 100_000_000),
            ("address_messages_per_minute", self.address_messages_per_minute, 0, 100_000_000),
            ("user_megabytes_per_minute", self.user_megabytes_per_minute, 0, 1_000_000),
            ("device_megabytes_per_minute", self.device_megabytes_per_minute, 0, 1_000_000),
            ("address_megabytes_per_minute", self.address_megabytes_per_minute, 0, 1_000_000),
            ("user_sound_seconds_per_minute", self.user_sound_seconds_per_minute, 0, 1_000_000),
            ("device_sound_seconds_per_minute", self.device_sound_seconds_per_minute, 0, 1_000_000),
            ("address_sound_seconds_per_minute", self.address_sound_seconds_per_minute, 0, 1_000_000),
            ("user_sound_seconds_per_hour", self.user_sound_seconds_per_hour, 0, 10_000_000),
            ("device_sound_seconds_per_hour", self.device_sound_seconds_per_hour, 0, 10_000_000),
            ("address_sound_seconds_per_hour", self.address_sound_seconds_per_hour, 0, 10_000_000),
            ("refusals_per_minute", self.refusals_per_minute, 1, 100_000),
            // A question has 4 kB; everything beside it in the message must fit too.
            ("text_kilobytes", self.text_kilobytes, 8, 16_384),
            ("message_seconds", self.message_seconds, 1, 3_600),
            ("first_message_seconds", self.first_message_seconds, 1, 86_400),
            // The longest message has 16 MB.
            ("unfinished_megabytes", self.unfinished_megabytes, 16, 65_536),
        ] {
            if !(least..=most).contains(&value) {
                bail!("limits.{key} is {value}; it may be {least} to {most}");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_meant_is_refused_by_its_name() {
        assert!(Limits::default().check().is_ok());
        let message = |limits: Limits| limits.check().expect_err("refused").to_string();
        let limits = Limits { message_seconds: 0, ..Limits::default() };
        assert_eq!(message(limits), "limits.message_seconds is 0; it may be 1 to 3600");
        let limits = Limits { user_turns_per_minute: u64::MAX, ..Limits::default() };
        assert!(message(limits).starts_with("limits.user_turns_per_minute is "));
    }
}
