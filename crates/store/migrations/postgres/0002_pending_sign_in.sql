-- Sign-ins that people began in a browser. The state and the session are kept as hashes; the rest is sealed.
CREATE TABLE pending_sign_in (
    state_hash BYTEA PRIMARY KEY,
    session_hash BYTEA NOT NULL,
    sealed BYTEA NOT NULL,
    expires_at BIGINT NOT NULL
);
