//! Health keys by the ids that the project promises, and which of them stand behind a place.

use crate::visit::Place;
use plan::Plan;
use std::collections::HashMap;

/// The scope of a health key, in the order in which a place lists its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    Credential,
    CredentialModel,
    ProviderModel,
    EndpointModel,
}

impl Scope {
    pub(crate) const ALL: [Self; 4] =
        [Self::Credential, Self::CredentialModel, Self::ProviderModel, Self::EndpointModel];

    /// The gateway's word for it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::CredentialModel => "credential_model",
            Self::ProviderModel => "provider_model",
            Self::EndpointModel => "endpoint_model",
        }
    }
}

/// All keys of a plan.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    numbers: HashMap<String, usize>,
    names: Vec<String>,
    /// The provider of each key.
    providers: Vec<usize>,
    places: HashMap<Place, [usize; 4]>,
}

impl Keys {
    /// The keys of every place that a plan has.
    pub(crate) fn of(plan: &Plan) -> Self {
        let mut keys = Self::default();
        for provider in 0..plan.providers.len() {
            let deployments = (0..plan.deployments.len()).filter(|at| plan.deployments[*at].provider == provider);
            for deployment in deployments.map(Some).chain([None]) {
                keys.add(plan, provider, deployment);
            }
        }
        keys
    }

    fn add(&mut self, plan: &Plan, provider: usize, deployment: Option<usize>) {
        let at = &plan.providers[provider];
        let model = deployment.map_or("*", |deployment| &plan.deployments[deployment].id);
        for (endpoint, site) in at.endpoints.iter().enumerate() {
            for credential in 0..at.credentials.len().max(1) {
                let ids = [
                    format!("credential:{}/{credential}", at.id),
                    format!("credential:{}/{credential}/{model}", at.id),
                    format!("provider:{}/{model}", at.id),
                    format!("endpoint:{}/{model}", site.id),
                ];
                let numbers = ids.map(|id| self.number(id, provider));
                self.places.insert(Place { provider, deployment, endpoint, credential }, numbers);
            }
        }
    }

    fn number(&mut self, id: String, provider: usize) -> usize {
        if let Some(number) = self.numbers.get(&id) {
            return *number;
        }
        let number = self.names.len();
        self.numbers.insert(id.clone(), number);
        self.names.push(id);
        self.providers.push(provider);
        number
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    /// The key with this id.
    pub(crate) fn find(&self, id: &str) -> Option<usize> {
        self.numbers.get(id).copied()
    }

    /// The id of a key.
    pub(crate) fn name(&self, key: usize) -> &str {
        self.names.get(key).map_or("", String::as_str)
    }

    /// The provider that a key belongs to.
    pub(crate) fn provider(&self, key: usize) -> Option<usize> {
        self.providers.get(key).copied()
    }

    /// The keys behind a place, in the order of [`Scope::ALL`].
    pub(crate) fn behind(&self, place: &Place) -> Option<&[usize; 4]> {
        self.places.get(place)
    }
}
