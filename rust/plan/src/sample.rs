//! A plan for the tests of this crate.

use crate::document::*;
use crate::limits::*;
use crate::resilience::*;
use std::collections::BTreeMap;

/// The plan as a document whose hash fits.
pub(crate) fn sealed(plan: &Plan) -> Vec<u8> {
    let unsealed = serde_json::to_vec(plan).expect("writable");
    let refused = Plan::read(&unsealed).expect_err("the hash does not fit").to_string();
    let hash = refused.split("its content has ").nth(1).and_then(|rest| rest.get(..64)).expect("named").to_owned();
    serde_json::to_vec(&Plan { hash, ..plan.clone() }).expect("writable")
}

/// Two providers, three deployments, two aliases.
pub(crate) fn plan() -> Plan {
    let deployment = |id: &str, provider, model: &str| Deployment {
        id: id.to_owned(),
        provider,
        model: model.to_owned(),
        context_tokens: None,
        capabilities: None,
        price: None,
        max_concurrency: None,
        prefill: Prefill::Off,
    };
    let step = |shares: &[(usize, u32)], when| Step {
        shares: shares.iter().map(|(deployment, weight)| Share { deployment: *deployment, weight: *weight }).collect(),
        balance: Balance::Weighted,
        when,
    };
    let alias = |name: &str, chain| Alias { name: name.to_owned(), chain, resilience: resilience() };
    Plan {
        format: 1,
        hash: String::new(),
        listen: Listen {
            data: Address::Tcp(([127, 0, 0, 1], 0).into()),
            ops: Address::Tcp(([127, 0, 0, 1], 0).into()),
            tls: None,
        },
        callers: Callers::Loopback,
        http: HttpLimits {
            max_body_bytes: 1,
            max_upload_bytes: 1,
            max_head_bytes: 1024,
            max_connections: 1,
            max_calls: 1,
            max_streams: 1,
            max_buffered_bytes: None,
            idle_ms: 1,
            read_gap_ms: 1,
            origins: vec![],
        },
        workers: Workers::Auto,
        drain: Drain { accept_for_ms: 0, grace_ms: 0 },
        egress: Egress { proxy: Proxy::Off, roots: Roots { system: false, bundled: true, files: vec![] } },
        log: Log { level: Level::Info, calls: CallLog::Off },
        prices: vec![],
        providers: vec![provider("openai"), provider("house")],
        deployments: vec![
            deployment("gpt", 0, "gpt-5.2"),
            deployment("small", 1, "llama"),
            deployment("any", 1, "llama-{1}"),
        ],
        aliases: vec![
            alias("smart", vec![step(&[(0, 3), (1, 1)], vec![]), step(&[(2, 1)], vec![Condition::Unavailable])]),
            alias("fast-*", vec![step(&[(2, 1)], vec![])]),
        ],
        models: vec![KnownModel { name: "gpt-5.2".to_owned(), provider: 0 }],
        keys: vec![],
        pepper: None,
        passthrough: None,
        resilience: resilience(),
        journal: Some(Journal {
            directory: "journal".into(),
            sync_ms: 200,
            segment_bytes: 1 << 20,
            keep_for_ms: 1000,
            keep_bytes: 1 << 30,
            when_full: WhenFull::RefuseBudgeted,
        }),
        identity: Identity {
            user: vec![],
            agent: vec![],
            session: vec![],
            task: vec![],
            tags: vec![],
            most_values: 100,
            forget_ms: 1000,
        },
        limits: vec![],
        budgets: vec![],
        grants: vec![],
    }
}

fn provider(id: &str) -> Provider {
    Provider {
        id: id.to_owned(),
        kind: String::new(),
        dialect: "openai".to_owned(),
        endpoints: vec![Endpoint {
            id: format!("{id}@http://127.0.0.1:1/v1"),
            scheme: Scheme::Http,
            host: "127.0.0.1".to_owned(),
            port: 1,
            base_path: "/v1".to_owned(),
            named: true,
        }],
        credentials: vec![],
        auth: Auth { header: "authorization".to_owned(), prefix: "Bearer ".to_owned() },
        headers: BTreeMap::new(),
        http: HttpVersions::Auto,
        breaker: breaker(),
        retry_permille: 100,
        retry_floor_per_second: 3,
        max_concurrency: 1000,
        stream_usage: StreamUsage::Ask,
        prices: BTreeMap::new(),
        price: None,
    }
}

fn breaker() -> Breaker {
    Breaker {
        consecutive: 5,
        ratio_permille: 500,
        slow_first_token_ms: 20_000,
        slow_permille: 800,
        window_ms: 30_000,
        min_calls: 10,
        open_ms: 5_000,
        open_cap_ms: 120_000,
        probe_ms: None,
    }
}

fn resilience() -> Resilience {
    Resilience {
        timeouts: Timeouts {
            connect_ms: 1,
            first_token_ms: 1,
            idle_ms: 1,
            attempt_ms: 1,
            total_ms: 1,
            stream_total_ms: 1,
        },
        retry: Retry {
            max_attempts: 3,
            max_attempts_per_call: 5,
            base_ms: 100,
            throttled_base_ms: 1000,
            cap_ms: 8000,
            wait_ms: 10_000,
        },
        hedge: None,
        on_disconnect: OnDisconnect::Cancel,
        on_cut: OnCut::Error,
        coalesce: false,
        resume_bytes: None,
        keep_alive_ms: None,
        priority: Priority::Normal,
        affinity: Affinity::Off,
    }
}

/// Ten requests a minute of each user.
pub(crate) fn limit() -> Limit {
    Limit {
        id: "user.requests_per_minute".to_owned(),
        per: Some(Dimension::User),
        value: None,
        measure: Measure::Requests(Rate { amount: 10, per_ms: 60_000, burst_ms: 60_000 }),
        enforce: true,
    }
}

/// A dollar a day for everybody together.
pub(crate) fn budget() -> Budget {
    Budget {
        id: "usd_per_day".to_owned(),
        per: None,
        value: None,
        nano_usd: 1_000_000_000,
        window: BudgetWindow::Day,
        time_zone: "UTC".to_owned(),
        warn_permille: vec![500, 800],
        when_spent: WhenSpent::Refuse,
        enforce: true,
    }
}
