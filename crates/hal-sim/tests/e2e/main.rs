//! Everything real, nothing stood in for: the `hal` program, HAProxy, Chromium, speech engines, kill -9.
//!
//! One binary, so that the libraries are linked once. Add a module only for a new part of the path.

mod admin; // The admin page in Chromium, and what is done there.
mod certs; // Certificates: certbot through HAProxy, its hook, and what is said about a bad one.
mod client_certs; // Devices that sign in by a certificate.
mod crowd; // Many at once, and each gets its own answer.
mod doctor; // Every fault of the table of diagnoses, staged and named.
mod durability; // What was acknowledged survives kill -9.
mod everyday; // The everyday questions over the whole wire.
mod household; // The server and folder that each test has to itself.
mod input; // Bad input gets a typed error and keeps the connection.
mod limits; // Each limit is reached for real; attacks of every kind beside people who talk.
mod page; // The browser client in Chromium, with a recording as its microphone.
mod page_sign_in; // The page on a telephone: let in by a code, loaded again, signed out.
mod policy; // access.toml, read again while the server runs.
mod proxy; // HAProxy with TLS in front, and its health checks.
mod proxy_apply; // `hal haproxy apply` and `check`, with a HAProxy that runs.
mod proxy_failover; // Gateways and HAProxy itself come and go, conversations stay.
mod proxy_header; // Who speaks through HAProxy, by its PROXY header.
mod proxy_limits; // What HAProxy refuses, and how.
mod proxy_modes; // Each way to be found, and what is around it.
mod qm_server; // Records on a QM server, for which a peer in the test stands in: there is none to install.
mod resume; // A conversation goes on over lost connections and restarts.
mod rolling; // Gateways are replaced under people who ask without pause.
mod service; // What a service manager, a firewall, a collector and an operator's signal meet.
mod sign_in; // Refused, paired, let in, shut out; gateways that prove a secret.
mod split; // Gateway and listener as two processes.
mod stopping; // What a person or an operator stops, stops.
mod talker; // A client that comes back, as HAL's own do.
mod tls; // TLS of the gateway's own: versions, renewal under open connections, http sent to https.
mod voice; // A question spoken by espeak-ng, in each form that clients send sound.
