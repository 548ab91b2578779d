// The browser client's files, for embedding: included by the gateway, served by their last path segment.

/// `(name, content type, bytes)`. `index.html` is first and answers every path that ends in `/`.
pub(super) const ASSETS: &[(&str, &str, &[u8])] = &[
    ("index.html", "text/html; charset=utf-8", include_bytes!("index.html")),
    ("admin.html", "text/html; charset=utf-8", include_bytes!("admin.html")),
    ("admin.css", "text/css; charset=utf-8", include_bytes!("admin.css")),
    ("admin.js", "text/javascript; charset=utf-8", include_bytes!("admin.js")),
    ("admin-data.js", "text/javascript; charset=utf-8", include_bytes!("admin-data.js")),
    ("admin-view.js", "text/javascript; charset=utf-8", include_bytes!("admin-view.js")),
    ("style.css", "text/css; charset=utf-8", include_bytes!("style.css")),
    ("icon.svg", "image/svg+xml", include_bytes!("icon.svg")),
    ("app.js", "text/javascript; charset=utf-8", include_bytes!("app.js")),
    ("connection.js", "text/javascript; charset=utf-8", include_bytes!("connection.js")),
    ("conversation.js", "text/javascript; charset=utf-8", include_bytes!("conversation.js")),
    ("player.js", "text/javascript; charset=utf-8", include_bytes!("player.js")),
    ("recorder.js", "text/javascript; charset=utf-8", include_bytes!("recorder.js")),
    ("recorder.worklet.js", "text/javascript; charset=utf-8", include_bytes!("recorder.worklet.js")),
    ("resampler.js", "text/javascript; charset=utf-8", include_bytes!("resampler.js")),
    ("signin.js", "text/javascript; charset=utf-8", include_bytes!("signin.js")),
    ("sound.js", "text/javascript; charset=utf-8", include_bytes!("sound.js")),
    ("tab.js", "text/javascript; charset=utf-8", include_bytes!("tab.js")),
    ("talk.js", "text/javascript; charset=utf-8", include_bytes!("talk.js")),
    ("view.js", "text/javascript; charset=utf-8", include_bytes!("view.js")),
];
