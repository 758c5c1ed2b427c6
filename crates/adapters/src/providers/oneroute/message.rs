//! `newMessage`: a message in a conversation of a channel (OR-0 to OR-6).

use inlet_domain::{
    command::{
        AttachmentPart, Change, ChannelRef, ChannelReport, Command, Effect, IdempotencyKey, IdentityKind, IdentityRef,
        MessageReport, Patch, PersonReport, ThreadReport, Version,
    },
    model::{
        channel::Medium,
        conversation::ConversationStatus,
        message::{AttachmentKind, Direction, MessageKind},
    },
};
use serde_json::{Value, json};

use super::{Misfit, Reading, numbering, put, time};
use crate::{
    address, channel,
    content::{self, FILE_NAMES},
    digest,
    fields::{self, Members, Object},
    provider::Request,
    text::bounded_id,
};

const MEDIA: [(&str, AttachmentKind); 4] = [
    ("imageUrl", AttachmentKind::Image),
    ("videoUrl", AttachmentKind::Video),
    ("documentUrl", AttachmentKind::Document),
    ("audioUrl", AttachmentKind::Audio),
];

pub(super) fn read(request: &Request<'_>, body: &Object) -> Reading {
    let empty = Object::new();
    let conversation = body.object("conversation").unwrap_or(&empty);
    let as_text;
    // OR-18: an object, null or a string, by event.
    let message = match body.get("message") {
        Some(Value::Object(message)) => message,
        Some(content) if content::shown(None, content).is_some() => {
            as_text = Object::from_iter([("content".to_owned(), content.clone())]);
            &as_text
        }
        _ => return Err(Misfit("the body has no message")),
    };
    let thread_id = conversation.id("id").or_else(|| message.id("conversation_id"));
    let external_id = message.id("externalId");
    let sender = message.object("sender").unwrap_or(&empty);
    let customer = conversation.object("customer").unwrap_or(&empty);
    // Without a conversation's id, the customer distinguishes two equal messages.
    let customer_alone = if thread_id.is_none() { conversation.get("customer").cloned() } else { None };
    let digest = |thread: &Option<String>, customer: &Option<Value>| {
        let mut members = json!({
            "conversation": thread,
            "message": body.get("message"),
            "lastMessageAt": conversation.get("lastMessageAt"),
        });
        if let Some(customer) = customer {
            members["customer"] = customer.clone();
        }
        digest::of_value(&members)
    };
    let key = external_id.clone().unwrap_or_else(|| digest(&thread_id, &customer_alone));
    let key = fields::versioned("newMessage", key, |rules| match message.get("externalId") {
        Some(id) if fields::is_no_id(id) => None,
        Some(id) if rules.id(id).is_some() => rules.id(id),
        _ if customer_alone.is_some() => None,
        _ => {
            let thread = rules.id_of(conversation, "id").or_else(|| rules.id_of(message, "conversation_id"));
            Some(digest(&thread, &None))
        }
    });
    // OR-2
    let from_agent = sender.flag("authUser").unwrap_or(false);
    let person = person(sender, customer, conversation, thread_id.as_deref(), from_agent, &key)
        .ok_or(Misfit("neither `conversation.id` nor `customer.email` tells who it is with"))?;
    let mut attachments = attachments(message);
    let kind = content_type(message, &attachments);
    let content = message.get("content").unwrap_or(&Value::Null);
    // The URL of a file message may be in the member of the caption.
    if attachments.is_empty() && content::is_media(Some(&kind)) {
        attachments = content::files(Some(&kind), content);
    }
    let shown = content::shown(Some(&kind), content).or_else(|| {
        if !attachments.is_empty() {
            return None;
        }
        // The content may be in another member. Members about the author and the conversation are no content.
        let mut said = message.clone();
        said.retain(|name, _| !NOT_SAID.contains(&name.as_str()));
        let told = content::shown(Some(&kind), &Value::Object(said));
        told.or_else(|| content::named(&kind).filter(|_| kind != "text"))
    });
    if kind.eq_ignore_ascii_case(REACTION) {
        let emoji = shown.filter(|_| content::shown(None, content).is_some());
        let effect = reaction(request, message, conversation, &person, emoji)?;
        return Ok(Command { key, effect: Effect::Message(Box::new(effect)) });
    }
    let mut details = Object::new();
    // Members that hold more than text are kept unchanged.
    for (name, value) in message.iter().filter(|(name, _)| *name != "sender") {
        if value.is_object() || value.is_array() {
            put(&mut details, name, Some(value));
        }
    }
    let report = MessageReport {
        ids: external_id.iter().cloned().collect(),
        external_id,
        version: None,
        channel: our_channel(request, conversation),
        person: Some(person),
        thread: thread(conversation, thread_id),
        direction: if from_agent { Direction::Outbound } else { Direction::Inbound },
        kind: MessageKind::Message,
        author_name: if from_agent { sender.known("name") } else { None },
        content_type: Patch::Value(kind),
        content: Patch::told(shown),
        details,
        attachments: Some(attachments),
        reactions: Patch::Absent,
        quoted_id: message.id("quoted_message_id"),
        occurred_at: time(conversation, "lastMessageAt"),
        read_at: Patch::Absent,
    };
    Ok(Command { key, effect: Effect::Message(Box::new(report)) })
}

/// The content type of a reaction.
const REACTION: &str = "reaction";

/// Members that are no part of the content.
const NOT_SAID: [&str; 6] = ["sender", "externalId", "conversation_id", "contentType", "quoted_message_id", "name"];

/// A person added or removed an emoji: a change of the quoted message, and no message of its own.
fn reaction(
    request: &Request<'_>,
    message: &Object,
    conversation: &Object,
    person: &PersonReport,
    emoji: Option<String>,
) -> Result<MessageReport, Misfit> {
    let target = message.id("quoted_message_id").ok_or(Misfit("the reaction does not name its message"))?;
    let who = person.identities.first().map(|address| address.value.clone()).unwrap_or_default();
    let reactions = emoji.map(|emoji| (emoji, Value::from(vec![who]))).into_iter().collect();
    Ok(MessageReport {
        ids: vec![target.clone()],
        external_id: Some(target),
        version: Some(Version::new(Change::Updated, time(conversation, "lastMessageAt"), request.received_at)),
        channel: our_channel(request, conversation),
        person: None,
        thread: ThreadReport::default(),
        direction: Direction::Inbound,
        kind: MessageKind::Message,
        author_name: None,
        content_type: Patch::Absent,
        content: Patch::Absent,
        details: Object::new(),
        attachments: None,
        reactions: Patch::Value(reactions),
        quoted_id: None,
        occurred_at: None,
        read_at: Patch::Absent,
    })
}

/// The customer. The email address is the provider's key of the customer within its account. The conversation's id
/// replaces a missing one and is always kept too: a message of this conversation with another email address belongs to
/// the same person (OR-3). `None` if nothing identifies the customer.
fn person(
    sender: &Object,
    customer: &Object,
    conversation: &Object,
    thread_id: Option<&str>,
    from_agent: bool,
    key: &IdempotencyKey,
) -> Option<PersonReport> {
    let written = customer.address("email");
    let email = written.as_deref().filter(|email| !is_nobodys(email)).and_then(address::email).map(address::in_account);
    let thread = thread_id.map(|id| IdentityRef {
        leads: true,
        ..address::identity(IdentityKind::ProviderConversation, id.to_owned(), id)
    });
    let mut identities: Vec<_> = email.clone().into_iter().chain(thread).collect();
    if identities.is_empty() && written.as_deref().is_some_and(|email| address::hides(email) || is_nobodys(email)) {
        identities.push(address::hidden(key));
    }
    let mut attributes = Object::new();
    put(&mut attributes, "country", conversation.get("country"));
    let own_name = if from_agent { None } else { sender.known("name") };
    (!identities.is_empty()).then(|| PersonReport {
        identities,
        name: customer.known("name").or(own_name),
        email: email.map(|email| email.value),
        last_active_at: if from_agent { None } else { time(sender, "lastActivity") },
        attributes,
        ..PersonReport::default()
    })
}

/// Whether an email address is a program's placeholder for a missing one.
fn is_nobodys(email: &str) -> bool {
    const NOBODIES: [&str; 9] =
        ["none", "null", "undefined", "noreply", "donotreply", "nobody", "noemail", "anonymous", "unknown"];
    let Some((user, host)) = email.trim().rsplit_once('@') else { return false };
    let plain =
        |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    let user = plain(user);
    let is_no_host = || host.split('.').next().is_some_and(|host| NOBODIES.contains(&plain(host).as_str()));
    matches!(user.as_str(), "noreply" | "donotreply") || (NOBODIES.contains(&user.as_str()) && is_no_host())
}

fn thread(conversation: &Object, id: Option<String>) -> ThreadReport {
    let provider_status = conversation.text("status");
    let mut attributes = Object::new();
    for name in ["agent", "agent_id", "country", "read"] {
        put(&mut attributes, name, conversation.get(name));
    }
    ThreadReport {
        id,
        status: provider_status.as_deref().and_then(status),
        provider_status,
        subject: conversation.text("subject"),
        attributes,
    }
}

/// OR-6: the status, if the word is like one of Inlet's. Other words are kept beside it.
fn status(word: &str) -> Option<ConversationStatus> {
    word.to_ascii_lowercase().replace(['-', ' '], "_").parse().ok()
}

/// OR-4: a documented word in lower case, an unknown one unchanged.
fn content_type(message: &Object, attachments: &[AttachmentPart]) -> String {
    const KNOWN: [&str; 5] = ["text", "image", "video", "document", "audio"];
    match message.text("contentType") {
        Some(word) => KNOWN.into_iter().find(|known| word.eq_ignore_ascii_case(known)).map_or(word, str::to_owned),
        None => attachments.first().map_or("text", |attachment| attachment.kind.as_str()).to_owned(),
    }
}

fn attachments(message: &Object) -> Vec<AttachmentPart> {
    let mut found = Vec::new();
    for (name, kind) in MEDIA {
        let several = match message.get(name) {
            Some(Value::String(_)) | None => {
                message.known(name).map(|url| content::at_url(Some(kind.as_str()), &url)).into_iter().collect()
            }
            Some(several) => content::files(Some(kind.as_str()), several),
        };
        found.extend(several);
    }
    // A name in the message is the name of its only file.
    if let ([file], Some(name)) = (found.as_mut_slice(), FILE_NAMES.iter().find_map(|name| message.known(name))) {
        file.filename = Some(name);
    }
    found
}

/// OR-5: the adapter does not read the credentials.
fn our_channel(request: &Request<'_>, conversation: &Object) -> ChannelRef {
    let Some(theirs) = conversation.object("Channel").or_else(|| conversation.object("channel")) else {
        return channel::own(request.source, request.source.medium.unwrap_or(Medium::Other));
    };
    let medium = theirs.text("medium").map_or(Medium::Other, |word| Medium::of_word(&word));
    let our_address = |name| theirs.address(name).filter(|address| !address::hides(address));
    let (identifier, phone) = (our_address("identifier"), our_address("phone"));
    let mut ids: Vec<String> = theirs.id("id").into_iter().collect();
    for address in identifier.iter().chain(&phone) {
        for id in channel::address_ids(medium, address, numbering(request)) {
            if !ids.contains(&id) {
                ids.push(bounded_id(id));
            }
        }
    }
    if ids.is_empty() {
        return channel::own(request.source, medium);
    }
    ChannelRef::Reported(Box::new(ChannelReport {
        ids,
        medium,
        identifier,
        phone,
        name: theirs.known("name"),
        description: theirs.known("description"),
        country: theirs.text("country"),
        env: theirs.text("env"),
        status: theirs.text("status"),
        webhook_url: theirs.text("webhookUrl"),
    }))
}
