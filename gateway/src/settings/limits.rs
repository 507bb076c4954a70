//! What a running server holds itself to, as its settings say.

use super::layers::Reading;
use super::{
    ALIASES_MAX, BODY_BYTES_MAX, COMPLEXITY_MAX, CONNECTIONS_ADDRESS_MAX, CONNECTIONS_MAX,
    DEPTH_MAX, DIRECTIVES_MAX, DRAIN, DRAIN_NOTICE, FILE_BYTES_MAX, FILES_MAX, FRAGMENTS_MAX,
    HEAD_BYTES_MAX, HEADER_TIMEOUT, INPUT_DEPTH_MAX, INTROSPECTION, LIST_ITEMS_MAX, Layers,
    OPERATIONS_ACCOUNT_MAX, OPERATIONS_MAX, PAGE_MAX, POSITION_WAIT, QUERY_BYTES_MAX, QUEUE_MAX,
    QUEUE_WAIT, RATE_ACCOUNT, RATE_ADDRESS, REQUEST_TIMEOUT, ROOT_FIELDS_MAX, SELECTIONS_MAX,
    SEND_TIMEOUT, SOCKET_OPERATIONS_MAX, SOCKETS_ADDRESS_MAX, SOCKETS_MAX, SUBSCRIPTION_LAG_MAX,
    SUBSCRIPTIONS_ACCOUNT_MAX, SUBSCRIPTIONS_MAX, SUGGESTIONS, Settings, SettingsError, TOKENS_MAX,
    UPLOAD_TIME, VALUES_MAX,
};
use docket_domain::ticket::actions::attach_file::FileLimits;
use std::time::Duration;

/// What a running server holds itself to.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// See [`REQUEST_TIMEOUT`].
    pub request_timeout: Duration,
    /// See [`BODY_BYTES_MAX`].
    pub body_bytes_max: usize,
    /// See [`HEAD_BYTES_MAX`].
    pub head_bytes_max: usize,
    /// See [`HEADER_TIMEOUT`].
    pub header_timeout: Duration,
    /// See [`SEND_TIMEOUT`].
    pub send_timeout: Duration,
    /// See [`CONNECTIONS_MAX`].
    pub connections_max: usize,
    /// See [`CONNECTIONS_ADDRESS_MAX`].
    pub connections_address_max: usize,
    /// See [`DRAIN_NOTICE`].
    pub drain_notice: Duration,
    /// See [`DRAIN`].
    pub drain: Duration,
    /// What a document may be like.
    pub shape: Shape,
    /// See [`SUGGESTIONS`].
    pub suggestions: bool,
    /// See [`DEPTH_MAX`].
    pub depth_max: usize,
    /// See [`COMPLEXITY_MAX`].
    pub complexity_max: usize,
    /// See [`VALUES_MAX`].
    pub values_max: usize,
    /// See [`OPERATIONS_MAX`].
    pub operations_max: usize,
    /// See [`QUEUE_MAX`].
    pub queue_max: usize,
    /// See [`QUEUE_WAIT`].
    pub queue_wait: Duration,
    /// See [`OPERATIONS_ACCOUNT_MAX`].
    pub operations_account_max: usize,
    /// See [`SUBSCRIPTIONS_MAX`].
    pub subscriptions_max: usize,
    /// See [`SUBSCRIPTIONS_ACCOUNT_MAX`].
    pub subscriptions_account_max: usize,
    /// See [`SUBSCRIPTION_LAG_MAX`].
    pub subscription_lag_max: usize,
    /// See [`SOCKETS_MAX`].
    pub sockets_max: usize,
    /// See [`SOCKETS_ADDRESS_MAX`].
    pub sockets_address_max: usize,
    /// See [`SOCKET_OPERATIONS_MAX`].
    pub socket_operations_max: usize,
    /// See [`POSITION_WAIT`].
    pub position_wait: Duration,
    /// See [`FILE_BYTES_MAX`] and [`FILES_MAX`].
    pub files: FileLimits,
    /// See [`UPLOAD_TIME`].
    pub upload_time: Duration,
    /// See [`RATE_ACCOUNT`].
    pub rate_account: usize,
    /// See [`RATE_ADDRESS`].
    pub rate_address: usize,
}

/// What a document, and what is sent with it, may be like.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// See [`INTROSPECTION`].
    pub introspection: bool,
    /// See [`QUERY_BYTES_MAX`].
    pub query_bytes: usize,
    /// See [`TOKENS_MAX`].
    pub tokens: usize,
    /// See [`SELECTIONS_MAX`].
    pub selections: usize,
    /// See [`FRAGMENTS_MAX`].
    pub fragments: usize,
    /// See [`ALIASES_MAX`].
    pub aliases: usize,
    /// See [`ROOT_FIELDS_MAX`].
    pub root_fields: usize,
    /// See [`DIRECTIVES_MAX`].
    pub directives: usize,
    /// See [`PAGE_MAX`].
    pub page_size: usize,
    /// See [`LIST_ITEMS_MAX`].
    pub list_items: usize,
    /// See [`INPUT_DEPTH_MAX`].
    pub input_depth: usize,
    /// See [`DEPTH_MAX`].
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Settings::load(&Layers::default(), &[])
            .expect("the defaults are well formed")
            .limits
    }
}

impl Limits {
    pub(super) fn read(read: &mut Reading<'_>) -> Result<Self, SettingsError> {
        let depth_max = read.count(&DEPTH_MAX)?;
        Ok(Self {
            request_timeout: read.time(&REQUEST_TIMEOUT)?,
            body_bytes_max: read.count(&BODY_BYTES_MAX)?,
            head_bytes_max: read.count(&HEAD_BYTES_MAX)?,
            header_timeout: read.time(&HEADER_TIMEOUT)?,
            send_timeout: read.time(&SEND_TIMEOUT)?,
            connections_max: read.count(&CONNECTIONS_MAX)?,
            connections_address_max: read.count(&CONNECTIONS_ADDRESS_MAX)?,
            drain_notice: read.time(&DRAIN_NOTICE)?,
            drain: read.time(&DRAIN)?,
            shape: Shape::read(read, depth_max)?,
            suggestions: read.switch(&SUGGESTIONS)?,
            depth_max,
            complexity_max: read.count(&COMPLEXITY_MAX)?,
            values_max: read.count(&VALUES_MAX)?,
            operations_max: read.count(&OPERATIONS_MAX)?,
            queue_max: read.count(&QUEUE_MAX)?,
            queue_wait: read.time(&QUEUE_WAIT)?,
            operations_account_max: read.count(&OPERATIONS_ACCOUNT_MAX)?,
            subscriptions_max: read.count(&SUBSCRIPTIONS_MAX)?,
            subscriptions_account_max: read.count(&SUBSCRIPTIONS_ACCOUNT_MAX)?,
            subscription_lag_max: read.count(&SUBSCRIPTION_LAG_MAX)?,
            sockets_max: read.count(&SOCKETS_MAX)?,
            sockets_address_max: read.count(&SOCKETS_ADDRESS_MAX)?,
            socket_operations_max: read.count(&SOCKET_OPERATIONS_MAX)?,
            position_wait: read.time(&POSITION_WAIT)?,
            files: FileLimits {
                bytes_max: read.count(&FILE_BYTES_MAX)? as u64,
                files_max: read.count(&FILES_MAX)?,
            },
            upload_time: read.time(&UPLOAD_TIME)?,
            rate_account: read.count(&RATE_ACCOUNT)?,
            rate_address: read.count(&RATE_ADDRESS)?,
        })
    }
}

impl Shape {
    fn read(read: &mut Reading<'_>, depth: usize) -> Result<Self, SettingsError> {
        Ok(Self {
            introspection: read.switch(&INTROSPECTION)?,
            query_bytes: read.count(&QUERY_BYTES_MAX)?,
            tokens: read.count(&TOKENS_MAX)?,
            selections: read.count(&SELECTIONS_MAX)?,
            fragments: read.count(&FRAGMENTS_MAX)?,
            aliases: read.count(&ALIASES_MAX)?,
            root_fields: read.count(&ROOT_FIELDS_MAX)?,
            directives: read.count(&DIRECTIVES_MAX)?,
            page_size: read.count(&PAGE_MAX)?,
            list_items: read.count(&LIST_ITEMS_MAX)?,
            input_depth: read.count(&INPUT_DEPTH_MAX)?,
            depth,
        })
    }
}
