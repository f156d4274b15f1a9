//! The health of our subscriptions: what failed, why, and how it is mended.

use azure::{BasicAuth, DeliveryResult, Error, HookEvent, Subscription, SubscriptionStatus};
use chrono::Duration;
use emulator::DeliveryOutcome;
use serde_json::json;

use crate::against_emulator::World;
use crate::support::{Bench, json as answer_json, ok};

impl World {
    /// Everything that is due is delivered, and this is what the receiver does with it.
    fn deliver(&self, outcome: &DeliveryOutcome) -> usize {
        self.clock.advance(Duration::minutes(5));
        let now = azure::Clock::now(&*self.clock);
        let mut state = self.transport.state.lock().unwrap();
        let due = state.take_due_deliveries(now);
        for delivery in &due {
            state.delivery_finished(delivery.id, outcome, now);
        }
        due.len()
    }
}

#[tokio::test]
async fn a_receiver_that_is_gone_disables_its_subscription_and_the_reason_can_be_read() {
    let world = World::new().await;
    let project = world.client.project("Webshop").await.unwrap();
    let url = "https://lockstep.example.com/hooks/unguessable".parse().unwrap();
    let made = world.client.subscribe(&project.id, HookEvent::Created, &url, None).await.unwrap();
    world.create("A").await;
    assert_eq!(world.deliver(&DeliveryOutcome::Answered(200)), 1);
    world.create("B").await;
    assert_eq!(world.deliver(&DeliveryOutcome::Answered(410)), 1);

    let broken = world.client.subscriptions().await.unwrap().remove(0);
    assert_eq!(broken.status, SubscriptionStatus::DisabledBySystem);
    assert!(broken.status.is_broken());
    let deliveries = world.client.deliveries(&made.id, 10).await.unwrap();
    let results: Vec<_> = deliveries.iter().map(|one| (one.number, one.result)).collect();
    assert_eq!(results, [(2, DeliveryResult::Failed), (1, DeliveryResult::Succeeded)]);
    assert!(deliveries[0].error.contains("410"), "{:?}", deliveries[0]);
    assert_eq!((deliveries[1].error.as_str(), deliveries[0].attempts), ("", 1));
    assert!(deliveries[0].at.is_some());

    let renewed = world.client.renew_subscription(&broken, None).await.unwrap();
    let all = world.client.subscriptions().await.unwrap();
    assert_eq!(all, std::slice::from_ref(&renewed), "the old one is gone");
    assert_eq!(renewed.status, SubscriptionStatus::Enabled);
    assert!(renewed.is_for(&project.id, HookEvent::Created, &url));
    world.create("C").await;
    assert_eq!(world.deliver(&DeliveryOutcome::Answered(200)), 1);
}

#[tokio::test]
async fn a_subscription_on_probation_is_not_broken_yet() {
    let world = World::new().await;
    let project = world.client.project("Webshop").await.unwrap();
    let url = "https://lockstep.example.com/hooks/unguessable".parse().unwrap();
    world.client.subscribe(&project.id, HookEvent::Created, &url, None).await.unwrap();
    world.create("A").await;
    world.deliver(&DeliveryOutcome::Answered(500));
    let status = world.client.subscriptions().await.unwrap().remove(0).status;
    assert_eq!(status, SubscriptionStatus::OnProbation);
    assert!(!status.is_broken() && !SubscriptionStatus::DisabledByUser.is_broken());
    assert!(SubscriptionStatus::DisabledByInactiveIdentity.is_broken());
}

fn subscription() -> Subscription {
    Subscription {
        id: "old".into(),
        project_id: "p1".into(),
        event: HookEvent::Updated,
        url: "https://lockstep.example.com/hooks/abc".into(),
        status: SubscriptionStatus::DisabledBySystem,
    }
}

#[tokio::test]
async fn the_new_subscription_stands_before_the_old_one_falls_and_carries_its_password() {
    let made = json!({"id": "new", "eventType": "workitem.updated", "consumerId": "webHooks", "status": "enabled",
        "publisherInputs": {"projectId": "p1"}, "consumerInputs": {"url": "https://lockstep.example.com/hooks/abc"}});
    let bench = Bench::new([ok(made), answer_json(403, json!({"message": "no"}))]);
    let auth = BasicAuth { username: "lockstep".into(), password: "hook-password".into() };
    let renewed = bench.client.renew_subscription(&subscription(), Some(&auth)).await.unwrap();
    assert_eq!(renewed.id, "new", "an old one that stays behind is no failure");
    let sent = bench.script.sent();
    assert_eq!((sent[0].method.as_str(), sent[1].method.as_str()), ("POST", "DELETE"));
    assert_eq!(sent[0].json()["consumerInputs"]["basicAuthPassword"], "hook-password");
    assert!(sent[1].url.contains("/subscriptions/old?"));

    let bench = Bench::new([answer_json(403, json!({"message": "no"}))]);
    let error = bench.client.renew_subscription(&subscription(), None).await.unwrap_err();
    assert!(matches!(error, Error::Forbidden { .. }));
    assert_eq!(bench.script.sent().len(), 1, "the old one is kept while there is no new one");
}

#[tokio::test]
async fn a_test_is_sent_to_the_receiver_and_names_no_subscription() {
    let world = World::new().await;
    let project = world.client.project("Webshop").await.unwrap();
    let url = "https://lockstep.example.com/hooks/unguessable".parse().unwrap();
    world.client.test_subscription(&project.id, HookEvent::Updated, &url, None).await.unwrap();
    let now = azure::Clock::now(&*world.clock);
    let due = world.transport.state.lock().unwrap().take_due_deliveries(now);
    assert_eq!(due.len(), 1);
    let body: serde_json::Value = serde_json::from_str(&due[0].body).unwrap();
    assert_eq!(body["subscriptionId"], "00000000-0000-0000-0000-000000000000");
    assert_eq!(world.client.subscriptions().await.unwrap(), []);
}
